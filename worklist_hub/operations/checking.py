"""What `worklist-hub check` says: each connection as intake uses it, then what there would be to read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from pacs import secrets
from pacs.checking import check_sites
from pacs.errors import PacsError
from pacs.site import Site
from worklist_hub.config import HubConfig
from worklist_hub.intake.appearing import what_appears
from worklist_hub.intake.asking import own_connection
from worklist_hub.intake.runner import OpenPacs, own_pacs
from worklist_hub.intake.undated import said_of_undated


def check(
    config: HubConfig, opened: OpenPacs | None = None, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> Iterator[tuple[str, bool]]:
    """(line, whether it works), as soon as each is known."""
    file = config.secrets_file
    opened = opened or own_pacs(config.ae_title, file)
    for site in config.sites:
        polled = own_connection(site)
        found = check_sites([site], config.ae_title, lambda name: secrets.find(name, file), how_to_store=how_in(config))
        for told in found:
            yield told.line, told.works
            if told.works and polled is not None and told.connection_id == polled.connection_id:
                yield _studies_line(site, config, opened, clock()), True


def how_in(config: HubConfig) -> Callable[[str], str]:
    """The hub has no keychain: the file, and the line to write into it, or where it has a secret that does not fit."""

    def how(connection_id: str) -> str:
        try:
            found = secrets.find(connection_id, config.secrets_file)
        except PacsError:
            found = None
        if found is not None:
            return f"mend user and password of '{connection_id}' in {found.source}"
        line = secrets.line_of(connection_id)
        return f"write into {config.secrets_file} (readable by its owner only, chmod 600) the line: {line}"

    return how


def _studies_line(site: Site, config: HubConfig, opened: OpenPacs, now: datetime) -> str:
    try:
        pacs = opened(site)
        appears = what_appears(site, config.rules, pacs, now, lambda: False)
        return f"{site.name}  {appears}{said_of_undated(pacs, lambda: False)}"
    except PacsError as error:
        return f"{site.name}  its studies could not be counted: {error.reason}"
