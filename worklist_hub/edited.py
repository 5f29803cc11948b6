"""The configuration as it is now: an embedded hub outlives the windows that start it, and hub.toml may be edited
meanwhile. Hospitals, rules and polling follow the file; what is bound at the start (socket, database) does not."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

from worklist_hub.config import ConfigError, HubConfig, load

_log = logging.getLogger("wl.hub")

_Stamp = tuple[int, int] | None


class CurrentConfig:
    """Ask `now`; it looks at the file's time each time, which costs microseconds. One thread (the event loop's)."""

    def __init__(self, config: HubConfig, file: Path | None = None) -> None:
        """`file` None: nothing is followed."""
        self._config, self._file = config, file
        self._stamp = _stamp(file)
        self.problem = ""
        """Why the edited file is not used, else empty."""

    def now(self) -> HubConfig:
        """The same object as before where nothing was edited, or where the edited file cannot be used."""
        stamp = _stamp(self._file)
        if self._file is None or stamp is None or stamp == self._stamp:
            return self._config
        self._stamp = stamp
        try:
            read = load(self._file)
        except ConfigError as error:
            self.problem = str(error)
            _log.warning("hub.toml was edited and cannot be used: %s", error)
            return self._config
        self.problem = ""
        self._config = replace(
            self._config,
            sites=read.sites,
            rules=read.rules,
            poll_s=read.poll_s,
            intake_enabled=read.intake_enabled,
        )
        _log.info("hub.toml was edited: sites=%d rules=%d", len(read.sites), len(read.rules.rules))
        return self._config


def _stamp(file: Path | None) -> _Stamp:
    """When it was written, and how long it is; None where it is not there (or just being replaced)."""
    if file is None:
        return None
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size
