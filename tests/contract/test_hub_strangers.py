"""Clients that are not ours: curl through the life of a workitem, and every request the published OpenAPI allows."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error

from tests.peers.hub import ANN, running_hub
from ups.client import reader_header
from worklist_hub.service import Hub
from worklist_hub.web import openapi

SCRIPT = Path(__file__).parents[2] / "docs" / "workitem-life.sh"
READER = {"X-Worklist-Reader": reader_header(ANN)}


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    with running_hub(tmp_path, intake_enabled=False) as running:
        yield running


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl_goes_through_the_whole_life_of_a_workitem(hub: Hub) -> None:
    done = subprocess.run(["sh", str(SCRIPT), hub.url], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "is COMPLETED" in done.stdout
    assert "Only literal matching has been performed." in done.stdout


def test_the_capabilities_name_every_route(hub: Hub) -> None:
    told = requests.options(f"{hub.url}/", headers=READER)
    assert told.headers["Content-Type"].startswith(openapi.WADL)
    assert all(f'id="{one.name}"' in told.text for one in openapi.OPERATIONS)
    as_json = requests.options(f"{hub.url}/", headers=READER | {"Accept": "application/json"}).json()
    assert as_json == requests.get(f"{hub.url}/region/openapi.json", headers=READER).json()
    assert requests.options(f"{hub.url}/", headers=READER | {"Accept": "image/png"}).status_code == 406


def test_every_published_operation_is_there(hub: Hub) -> None:
    for one in openapi.OPERATIONS:
        path = one.path.replace("{uid}", "1.2.3").replace("{aet}", "STRANGER")
        answer = requests.request(one.method, hub.url + path, headers=READER)
        assert answer.status_code in (*one.success, *one.failures, 415), (one, answer.text)
        assert answer.status_code != 405


@pytest.mark.timeout(300)
def test_nothing_that_the_published_openapi_allows_or_forbids_makes_the_hub_stumble(hub: Hub) -> None:
    schema = schemathesis.openapi.from_dict(openapi.document("1"))
    for operation in schema.get_all_operations():
        _try(hub, operation.ok())


def _try(hub: Hub, operation: Any) -> None:
    strategy = operation.as_strategy(generation_mode=schemathesis.GenerationMode.POSITIVE) | operation.as_strategy(
        generation_mode=schemathesis.GenerationMode.NEGATIVE
    )
    session = requests.Session()
    session.trust_env = False

    @given(strategy)
    @settings(
        max_examples=15,
        deadline=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    def check(case: schemathesis.Case) -> None:
        response = case.call(base_url=hub.url, headers=READER, session=session, timeout=20)
        case.validate_response(response, checks=[not_a_server_error])

    check()
