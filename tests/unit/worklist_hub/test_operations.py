"""Metrics in Prometheus' own format, health and readiness, logs without patient data."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import re
from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from worklist_hub.config import ConfigError
from worklist_hub.operations import commands
from worklist_hub.operations.door import Message, OperationsDoor, Scope, Traffic, route_of
from worklist_hub.operations.logs import TextFormatter, log_as_json
from worklist_hub.operations.metrics import Registry
from worklist_hub.operations.settings import METRICS_TOKEN, OperationsSettingsError, operations_settings

NAME = "Ő^Jansen"
_LINE = re.compile(r'^[a-z_:][a-z0-9_:]*(\{([a-z_]+="([^"\\\n]|\\.)*",?)+\})? ([0-9.e+-]+|\+Inf|NaN)$')


def settings(**told: Any) -> Any:
    return operations_settings(told, {METRICS_TOKEN: "m" * 20})


def test_metrics_are_prometheus_text() -> None:
    registry = Registry()
    counter = registry.counter("a_total", 'with "quotes" and \\ and\nlines', ("what",))
    counter.add('x"\\\n')
    counter.add('x"\\\n', amount=2)
    times = registry.histogram("b_seconds", "b", ("route",))
    for value in (0.004, 0.005, 0.2, 99.0):
        times.observe(value, "/r")
    registry.sample("c", "c", lambda: {("one",): 1.5}, labels=("part",))
    registry.sample("d", "d", lambda: 1 // 0)
    text = registry.text()
    for line in text.splitlines():
        assert line.startswith(("# HELP ", "# TYPE ")) or _LINE.match(line), line
    assert text.endswith("\n")
    assert 'a_total{what="x\\"\\\\\\n"} 3' in text
    assert 'b_seconds_bucket{route="/r",le="0.005"} 2' in text
    assert 'b_seconds_bucket{route="/r",le="+Inf"} 4' in text
    assert 'b_seconds_count{route="/r"} 4' in text
    assert 'c{part="one"} 1.5' in text
    assert "\nd " not in text
    with pytest.raises(ValueError):
        registry.counter("a_total", "again")


class Asked:
    """A door in front of an application that says 204; what came back."""

    def __init__(self, parts: Mapping[str, str] | None = None, **told: Any) -> None:
        self.parts = dict(parts or {"database": "ok"})
        self.registry = Registry()
        self.traffic = Traffic()
        self.door = OperationsDoor(
            self._app,
            settings=settings(**told),
            readiness=lambda: self.parts,
            registry=self.registry,
            traffic=self.traffic,
        )

    async def _app(self, _scope: Scope, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    def get(self, path: str, token: str = "", method: str = "GET") -> tuple[int, str]:
        sent: list[Message] = []

        async def send(message: Message) -> None:
            sent.append(message)

        async def receive() -> Message:
            return {"type": "http.request"}

        headers = [(b"authorization", f"Bearer {token}".encode())] if token else []
        scope: Scope = {"type": "http", "method": method, "path": path, "headers": headers}
        asyncio.run(self.door(scope, receive, send))
        return sent[0]["status"], sent[1]["body"].decode()


def test_health_and_readiness_need_no_token_and_say_little() -> None:
    asked = Asked()
    assert asked.get("/health") == (200, '{"status":"ok"}')
    assert asked.get("/ready") == (200, '{"database": "ok"}')
    assert Asked({"database": "away", "stopping": "ok"}).get("/ready")[0] == 503


def test_late_events_are_said_and_take_no_hub_from_the_proxys_list() -> None:
    assert Asked({"database": "ok", "events": "late: 42 s"}).get("/ready") == (
        200,
        '{"database": "ok", "events": "late: 42 s"}',
    )


def test_a_stopping_hub_takes_no_new_request_but_still_says_how_it_is() -> None:
    asked = Asked()
    asked.traffic.is_closed = True
    assert asked.get("/workitems")[0] == 503
    assert asked.get("/health")[0] == 200
    assert asked.traffic.in_progress == 0


def test_metrics_are_for_who_has_the_token() -> None:
    asked = Asked()
    assert asked.get("/metrics")[0] == 401
    assert asked.get("/metrics", "wrong")[0] == 401
    status, text = asked.get("/metrics", "m" * 20)
    assert status == 200
    assert "worklist_hub_requests_total" in text


def test_without_a_token_in_the_environment_there_are_no_metrics() -> None:
    asked = Asked()
    asked.door._settings = operations_settings({}, {})
    assert asked.get("/metrics", "")[0] == 404


def test_requests_are_counted_by_route_and_never_by_uid() -> None:
    asked = Asked()
    asked.get("/workitems/1.2.3/state", method="PUT")
    asked.get("/workitems")
    text = asked.get("/metrics", "m" * 20)[1]
    assert 'worklist_hub_requests_total{method="PUT",route="/workitems/{uid}/state",status="204"} 1' in text
    assert "1.2.3" not in text


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/workitems", "/workitems"),
        ("/workitems/1.2", "/workitems/{uid}"),
        ("/workitems/1.2/subscribers/ANN/suspend", "/workitems/{uid}/subscribers/suspend"),
        ("/workitems/1.2/secret", "/workitems/{uid}"),
        ("/region/sites", "/region/..."),
        ("/x" * 50, "other"),
    ],
)
def test_a_route_holds_nothing_of_what_was_asked_for(path: str, route: str) -> None:
    assert route_of(path) == route


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    root, servers = logging.getLogger(), [logging.getLogger(name) for name in ("uvicorn", "uvicorn.error")]
    before, level = root.handlers[:], root.level
    set_up = [(one, one.level, one.propagate) for one in servers]
    for one in servers:  # a server of another test may have set them up its own way
        one.setLevel(logging.NOTSET)
        one.propagate = True
    stream = io.StringIO()
    log_as_json("HUB", stream)
    yield stream
    root.handlers[:], root.level = before, level
    for one, old_level, old_propagate in set_up:
        one.setLevel(old_level)
        one.propagate = old_propagate


def test_the_log_as_text_is_as_careful() -> None:
    record = logging.LogRecord("uvicorn.error", logging.ERROR, "f", 1, "Exception in %s", (NAME,), None)
    try:
        raise ValueError(NAME)
    except ValueError as error:
        record.exc_info = (ValueError, error, error.__traceback__)
    line = TextFormatter().format(record)
    assert "ValueError from" in line
    assert "Jansen" not in line
    assert "\n" not in line


def test_the_log_is_json_lines_and_keeps_no_text_of_an_exception(logged: io.StringIO) -> None:
    def fail() -> None:
        try:
            raise KeyError(NAME)
        except KeyError as error:
            raise ValueError(f"row {NAME}") from error

    try:
        fail()
    except ValueError:
        logging.getLogger("wl.hub").exception("failed uid=%s", "1.2.3")
    logging.getLogger("uvicorn.error").warning("Invalid request %s", NAME)
    logging.getLogger("sqlalchemy").info("SELECT %s", NAME)
    lines = [json.loads(line) for line in logged.getvalue().splitlines()]
    assert [line["message"] for line in lines] == ["failed uid=1.2.3", "Invalid request %s"]
    assert [one["kind"] for one in lines[0]["error"]] == ["ValueError", "KeyError"]
    assert any("fail" in frame for frame in lines[0]["error"][0]["from"])
    assert "Jansen" not in logged.getvalue()


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"drain": 1}, "drain is unknown"),
        ({"drain_s": -1}, "drain_s must be"),
        ({"drain_s": True}, "drain_s must be"),
        ({"log": "xml"}, "log must be 'text' or 'json'"),
    ],
)
def test_a_wrong_setting_is_named(table: dict[str, Any], said: str) -> None:
    with pytest.raises(OperationsSettingsError, match=said):
        operations_settings(table, {})


def test_a_short_metrics_token_is_refused() -> None:
    with pytest.raises(OperationsSettingsError, match="16 characters"):
        operations_settings({}, {METRICS_TOKEN: "short"})


@pytest.mark.parametrize("left_by", [EOFError, KeyboardInterrupt])
def test_a_prompt_for_a_password_that_is_left_changes_nothing_and_says_so(
    monkeypatch: pytest.MonkeyPatch, left_by: type[BaseException]
) -> None:
    def asked(_prompt: str) -> str:
        raise left_by

    monkeypatch.delenv(commands.PASSWORD, raising=False)
    monkeypatch.setattr("sys.stdin", SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr("getpass.getpass", asked)
    with pytest.raises(ConfigError, match="nothing was changed"):
        commands.asked_password()


def test_a_password_is_asked_twice_only_where_it_is_new(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.delenv(commands.PASSWORD, raising=False)
    monkeypatch.setattr("sys.stdin", SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr("getpass.getpass", lambda prompt: asked.append(prompt) or "the same one")
    assert commands.asked_password(is_new=False) == commands.asked_password() == "the same one"
    assert asked == ["Password: ", "Password: ", "Again: "]
