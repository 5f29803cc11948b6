"""The log on stderr, as text or as JSON lines, without patient data.

Messages are ours and hold key=value pairs of our own choosing. What a library's exception says is not: a database
quotes rows, an HTTP parser headers. So of an exception the log keeps its kind and where it came from, never its text;
and of a foreign library's records nothing below WARNING, and of those the format string only.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from pathlib import Path, PurePath
from types import TracebackType
from typing import TextIO

from worklist_hub.operations.own_log import LOG_NAME, OwnLog

_OURS = ("wl", "worklist_hub", "viewer", "pacs", "ups")
FRAMES = 12


class JsonFormatter(logging.Formatter):
    """One record as one line."""

    def __init__(self, hub: str) -> None:
        super().__init__()
        self._hub = hub

    def format(self, record: logging.LogRecord) -> str:
        """See the module."""
        told: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "hub": self._hub,
            "logger": record.name,
            "message": _message(record),
        }
        if record.exc_info and record.exc_info[0] is not None:
            told["error"] = _chain(record.exc_info[1])
        return json.dumps(told, ensure_ascii=False)


class TextFormatter(logging.Formatter):
    """One record as one line to read, as careful as the JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """See the module."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line = f"{at} {record.name} {record.levelname} {_message(record)}"
        if record.exc_info and record.exc_info[0] is not None:
            line += "".join(f"; {one['kind']} from {one['from']}" for one in _chain(record.exc_info[1]))
        return line


def _message(record: logging.LogRecord) -> str:
    return record.getMessage() if record.name.split(".")[0] in _OURS else str(record.msg)


def _chain(error: BaseException | None) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    while error is not None and len(found) < 5:
        found.append({"kind": type(error).__qualname__, "from": _frames(error.__traceback__)})
        error = error.__cause__ or error.__context__
    return found


def _frames(traceback: TracebackType | None) -> list[str]:
    found: list[str] = []
    while traceback is not None:
        code = traceback.tb_frame.f_code
        found.append(f"{PurePath(code.co_filename).name}:{traceback.tb_lineno} {code.co_name}")
        traceback = traceback.tb_next
    return found[-FRAMES:]


def log_as_json(hub: str, stream: TextIO | None = None) -> None:
    """Send every record of this process to stderr as JSON."""
    _log_with(JsonFormatter(hub), stream)


def log_as_text(stream: TextIO | None = None) -> None:
    """Send every record of this process to stderr as text."""
    _log_with(TextFormatter(), stream)


def log_as_text_into(folder: Path) -> None:
    """Send every record of this process to a file of its own there. For the one hub that holds the folder's lock."""
    _log_to(OwnLog(folder / LOG_NAME), TextFormatter())


def _log_with(formatter: logging.Formatter, stream: TextIO | None) -> None:
    _log_to(logging.StreamHandler(stream or sys.stderr), formatter)


def _log_to(handler: logging.Handler, formatter: logging.Formatter) -> None:
    handler.setFormatter(formatter)
    handler.addFilter(_is_wanted)
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)


def _is_wanted(record: logging.LogRecord) -> bool:
    return record.name.split(".")[0] in _OURS or record.levelno >= logging.WARNING
