"""What stands above a window: what it shows and, with a shared worklist, whose desk it is."""

from __future__ import annotations

from worklist_client.commands.desk import Desk, is_named
from worklist_client.identity.names import spoken_name


def titled(desk: Desk, what: str) -> str:
    """`what`, and who reads here where several people share a worklist; on a worklist of one's own there is nobody to
    be taken for."""
    who = spoken_name(desk.reader.name) if is_named(desk.reader) and not desk.solo else ""
    return f"{what} – {who}" if who else what
