"""What the benchmarks of the hub share: a PostgreSQL server of their own, hub processes, a filled table."""

from __future__ import annotations

import json
import sqlite3
import statistics
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import requests

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from tests.peers.postgres import Cluster  # noqa: E402
from ups import dicom_json as dj  # noqa: E402
from ups.codes import UPS_PUSH, Person  # noqa: E402
from ups.datetimes import dt_from_datetime  # noqa: E402
from ups.identifiers import uid_from_name  # noqa: E402
from worklist_hub.access.grants import ANY_SITE, Grant, Role  # noqa: E402
from worklist_hub.accounts.store import AccountStore  # noqa: E402
from worklist_hub.store.columns import columns_of  # noqa: E402
from worklist_hub.store.workitems import WorkitemStore  # noqa: E402

NOW = datetime.now(UTC)
SITES = ("north", "south", "west", "east")
MODALITIES = (("CT",), ("MR",), ("CR",), ("US",), ("CT", "SR"), ("MG",))
EXPERTISES = ("NEURO", "THORAX", "ABDOMEN", "MSK", "BREAST")
PRIORITIES = ("HIGH", "MEDIUM", "MEDIUM", "LOW")
DURABLE = ("fsync = on", "full_page_writes = on", "shared_buffers = 512MB")


def durable_cluster() -> Cluster:
    """A server that writes to the disk before it answers."""
    return Cluster(DURABLE)


def workitem(number: int, state: str) -> dict[str, Any]:
    """A study to read as intake makes it, about 3 kB of JSON, the `number`th."""
    moment = moment_of(number)
    uid = uid_from_name(f"bench|{number}")
    study = uid_from_name(f"study|{number}")
    made = dj.make(
        SpecificCharacterSet="ISO_IR 192",
        SOPClassUID=UPS_PUSH,
        SOPInstanceUID=uid,
        ProcedureStepState=state,
        InputReadinessState="READY",
        ScheduledProcedureStepPriority=PRIORITIES[number % 4],
        WorklistLabel="NEURO-ACUTE" if number % 7 == 0 else "ROUTINE",
        ProcedureStepLabel="CT head without contrast",
        PatientName=f"Family{number % 90_000:05}^Given",
        PatientID=f"P{number % 300_000:08}",
        IssuerOfPatientID="NORTH",
        PatientBirthDate="19620304",
        PatientSex="F",
        StudyInstanceUID=study,
        ModalitiesInStudy=MODALITIES[number % 6],
        StudyDescription="CT head without contrast",
        BodyPartExamined="HEAD",
        StudyDate="20260102",
        StudyTime="030405",
        NumberOfStudyRelatedInstances=250,
        ScheduledProcedureStepStartDateTime=dt_from_datetime(moment),
        ExpectedCompletionDateTime=dt_from_datetime(moment + timedelta(hours=2)),
        ScheduledProcedureStepModificationDateTime=dt_from_datetime(moment + timedelta(microseconds=number + 1)),
    )
    _sequences(made, number, study)
    return made


def _sequences(made: dict[str, Any], number: int, study: str) -> None:
    site = SITES[number % 4]
    place = dj.make(CodeValue=site, CodingSchemeDesignator="99UWL", CodeMeaning=site.title())
    expertise = EXPERTISES[number % 5]
    wanted = dj.make(CodeValue=expertise, CodingSchemeDesignator="99UWL", CodeMeaning=expertise.title())
    request = dj.make(
        AccessionNumber=f"A{number:08}",
        StudyInstanceUID=study,
        RequestedProcedureDescription="CT head",
        ReasonForTheRequestedProcedure="Sudden headache since this morning, vomiting; bleeding?",
    )
    images = dj.make(TypeOfInstances="DICOM", StudyInstanceUID=study)
    retrieval = dj.make(RetrieveAETitle=site.upper())
    dj.put_items(images, "DICOMRetrievalSequence", [retrieval])
    dj.put_items(made, "ScheduledStationGeographicLocationCodeSequence", [place])
    dj.put_items(made, "ScheduledStationClassCodeSequence", [wanted])
    dj.put_items(made, "ReferencedRequestSequence", [request])
    dj.put_items(made, "InputInformationSequence", [images])
    dj.put_items(made, "ScheduledProcessingParametersSequence", [])


def rows(history: int, still_open: int) -> Iterator[list[Any]]:
    """Table rows in the order of `column_names`: history first, as it grows, then what is open."""
    templates: dict[tuple[int, str], str] = {}
    for number in range(history + still_open):
        key = (number % _CYCLE, "COMPLETED" if number < history else "SCHEDULED")
        if key not in templates:
            templates[key] = _SEPARATOR.join(map(str, _row(*key).values()))
        row = templates[key]
        for old, new in zip(_own_texts(key[0]), _own_texts(number), strict=True):
            row = row.replace(old, new)
        yield row.split(_SEPARATOR)


_CYCLE = 420
"""After so many the attributes that are not a workitem's own begin again."""
_SEPARATOR = "\x1f"


def _row(number: int, state: str) -> dict[str, Any]:
    return {**columns_of(workitem(number, state)), "version": 1, "alive_at": "", "transaction_hash": ""}


def column_names() -> list[str]:
    """Of `rows`."""
    return list(_row(0, "SCHEDULED"))


def _own_texts(number: int) -> list[str]:
    """What no other workitem has; long ones first, and none is a part of another."""
    moment = moment_of(number)
    times = (moment + timedelta(microseconds=number + 1), moment + timedelta(hours=2), moment)
    name = f"Family{number % 90_000:05}"
    return [
        uid_from_name(f"bench|{number}"),
        uid_from_name(f"study|{number}"),
        *(dt_from_datetime(one) for one in times),
        f"A{number:08}",
        f"P{number % 300_000:08}",
        name,
        name.casefold(),
    ]


def moment_of(number: int) -> datetime:
    """When the `number`th study was made."""
    return NOW - timedelta(seconds=40 * (2_000_000 - number))


def fill(address: Path | str, history: int, still_open: int) -> None:
    """Into a migrated database, past the store: the store itself takes studies one by one."""
    found, names = rows(history, still_open), column_names()
    if isinstance(address, Path):
        marks = ",".join("?" * len(names))
        with sqlite3.connect(address, isolation_level=None) as connection:
            connection.execute("PRAGMA synchronous=OFF")
            connection.execute("BEGIN")
            statement = f"INSERT INTO workitems ({','.join(names)}) VALUES ({marks})"
            connection.executemany(statement, found)
            connection.execute("COMMIT")
            connection.execute("ANALYZE")
        connection.close()
        return
    with psycopg.connect(address, autocommit=True) as server:
        with server.cursor() as cursor, cursor.copy(f"COPY workitems ({','.join(names)}) FROM STDIN".encode()) as copy:
            for row in found:
                copy.write_row(row)
        server.execute("VACUUM ANALYZE workitems")


def sign_in_lines(folder: Path) -> list[str]:
    """Lines for hub.toml: readers sign in, and no limit gets into the way of what is measured."""
    auth = ["[auth]", "accounts = true", f'signing_key_file = "{folder}/signing-key.pem"']
    return [*auth, "[limits]", "requests_per_s = 100000", "burst = 100000", "channels = 100000"]


def make_accounts(store: WorkitemStore, count: int) -> None:
    """Readers of every hospital."""
    accounts = AccountStore(store.database)
    for number in range(count):
        reader = Person(str(number), f"Reader^{number}", "North")
        accounts.create(f"reader{number}", reader, [Grant(ANY_SITE, Role.READER)], _PASSWORD)


def signed_in(url: str, count: int) -> list[str]:
    """Their tokens, each by name and password."""
    found = []
    for number in range(count):
        form = {"grant_type": "password", "username": f"reader{number}", "password": _PASSWORD}
        answer = requests.post(f"{url}/region/auth/token", data=form, timeout=30)
        answer.raise_for_status()
        found.append(str(answer.json()["access_token"]))
    return found


_PASSWORD = "correct horse battery staple"


def percentile(values: Sequence[float], share: float) -> float:
    """Nearest rank; `share` of 0 to 1."""
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def median(values: Sequence[float]) -> float:
    """The middle one."""
    return statistics.median(values)


def told(benchmark: str, figures: dict[str, float]) -> None:
    """The one line that `benchmarks/all.py` reads."""
    rounded = {name: round(value, 3) for name, value in figures.items()}
    print(json.dumps({"benchmark": benchmark, "figures": rounded}), flush=True)
