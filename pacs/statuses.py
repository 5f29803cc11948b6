"""How the answers to C-STORE and STOW-RS are to be read (report.md 8.2, reliability.md 6)."""

from __future__ import annotations

from typing import Final

from pacs.port import StoreState

_RETRY: Final = (0x0110, 0x0213)
_RETRY_HTTP: Final = (408, 429)
_BLOCKED_HTTP: Final = (401, 403, 404)


def store_state(status: int) -> StoreState:
    """Of a C-STORE status or a failure reason (0008,1197).

    A770 to A779 lie inside the retry range, but are conflicts of patient data that need a person (dcm4chee).
    """
    if status == 0:
        return StoreState.STORED
    if status >> 12 == 0xB or status == 0x0001:
        return StoreState.STORED_WITH_WARNING
    if 0xA770 <= status <= 0xA779:
        return StoreState.HELD
    if status >> 8 == 0xA7 or status in _RETRY:
        return StoreState.RETRY
    if status == 0x0122:
        return StoreState.NOT_SUPPORTED
    if status == 0x0124:
        return StoreState.BLOCKED
    return StoreState.UNKNOWN if status == 0x0111 else StoreState.HELD


def http_state(status: int) -> StoreState:
    """Of an HTTP status whose body says nothing of the single object."""
    if status in _BLOCKED_HTTP:
        return StoreState.BLOCKED
    if status in _RETRY_HTTP or status >= 500:
        return StoreState.RETRY
    return StoreState.UNKNOWN if status < 300 else StoreState.HELD
