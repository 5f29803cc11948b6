"""A hub behind a proxy that does TLS: the addresses it hands out are the proxy's, where it was told to believe one."""

from __future__ import annotations

from pathlib import Path

import pytest
import requests
from websockets.sync.client import connect

from tests.peers.hub import running_hub
from ups.client import GLOBAL_SUBSCRIPTION
from worklist_hub.access.settings import TlsSettings
from worklist_hub.service import Hub

FORWARDED = {"X-Forwarded-Proto": "https"}


def channel_of(hub: Hub, headers: dict[str, str]) -> str:
    url = f"{hub.url}/workitems/{GLOBAL_SUBSCRIPTION}/subscribers/DESK"
    answer = requests.post(url, headers=headers, timeout=10)
    assert answer.status_code == 201
    return answer.headers["Content-Location"]


@pytest.mark.parametrize(
    ("tls", "headers", "scheme"),
    [
        (TlsSettings(), FORWARDED, "ws"),
        (TlsSettings(proxy_terminates=True, proxy_address="127.0.0.1"), FORWARDED, "wss"),
        (TlsSettings(proxy_terminates=True, proxy_address="127.0.0.1"), {}, "ws"),
        (TlsSettings(proxy_terminates=True, proxy_address="192.0.2.1"), FORWARDED, "ws"),
    ],
    ids=["no proxy is known", "through the proxy", "not through it", "another than the proxy"],
)
def test_events_are_told_over_tls_where_the_proxy_does_tls(
    tmp_path: Path, tls: TlsSettings, headers: dict[str, str], scheme: str
) -> None:
    with running_hub(tmp_path, intake_enabled=False, tls=tls) as hub:
        host = hub.url.removeprefix("http://")
        assert channel_of(hub, headers) == f"{scheme}://{host}/ws/subscribers/DESK"
        with connect(f"ws://{host}/ws/subscribers/DESK", additional_headers=headers, proxy=None) as wire:
            assert wire.ping().wait(10)
