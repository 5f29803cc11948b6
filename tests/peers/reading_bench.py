"""A desk of doubles over a real journal: what the tests of a case and of its window share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pacs.port import InstanceAnswer, SeriesAnswer
from tests.peers.reading_doubles import (
    NORTH,
    NOW,
    SOUTH,
    WEST,
    FakePacs,
    FakeViewer,
    FakeWorker,
    NowRunner,
    entry,
    header,
    services,
)
from ups.claiming import ClaimKind
from viewer.records import PatientLabel
from worklist_client.cache.store import Eviction
from worklist_client.commands import case_images
from worklist_client.commands.case import CaseSession
from worklist_client.commands.case_state import Topic
from worklist_client.commands.desk import SiteDirectory
from worklist_client.delivery.packing import rows_of
from worklist_client.journal import Journal
from worklist_client.report.draft_json import draft_to_json
from worklist_client.report.model import Reader, SignedObject, SignedReport
from worklist_client.report.request import RenderRequest
from worklist_client.settings.language import Translator
from worklist_client.settings.store import Settings
from worklist_client.worklist.outcomes import ClaimResult, ReleaseKind, ReleaseResult

STUDY, PRIOR, FOREIGN = "1.2.1", "1.2.7", "1.2.9"


@dataclass
class FakeClaims:
    """A double of the claim desk: answers what it was told to."""

    kind: ClaimKind = ClaimKind.WON
    holder: str = ""
    release_kind: ReleaseKind = ReleaseKind.RELEASED
    asked: list[str] = field(default_factory=list)
    released: list[str] = field(default_factory=list)

    def claim(self, workitem_uid: str, **_: Any) -> ClaimResult:
        self.asked.append(workitem_uid)
        return ClaimResult(workitem_uid, self.kind, holder=self.holder)

    def release(self, workitem_uid: str, *_: Any, **__: Any) -> ReleaseResult:
        self.released.append(workitem_uid)
        return ReleaseResult(workitem_uid, self.release_kind, "2.25.2")


class FakeDelivery:
    """A double of the delivery service: remembers what was signed."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.signed: list[SignedReport] = []

    def sign(self, report: SignedReport, draft: Any, draft_uid: str, signed_at: Any, *, stat: bool = False) -> None:
        package, objects = rows_of(report, draft_to_json(draft), signed_at, stat=stat)
        self.journal.outbox.sign(package, objects, draft_uid)
        self.signed.append(report)


class FakeCache:
    """A double of the cache: empty; counts how often it was asked to make room."""

    def __init__(self) -> None:
        self.evictions = 0

    def study_folder(self, site_id: str, study: str, told: str = "") -> Path:
        return Path("/nowhere")

    def present(self, site_id: str, study: str, told: str = "") -> set[str]:
        return set()

    def drop(self, paths: tuple[str, ...]) -> None:
        pass

    def close_study(self, site_id: str, study: str, told: str = "") -> None:
        pass

    def evict(self) -> Eviction:
        self.evictions += 1
        return Eviction(0, 0, 0)


def render(request: RenderRequest, _cancelled: Any) -> SignedReport:
    """A double of rendering: one object that says nothing."""
    draft = request.draft
    thing = SignedObject("SR", "1.2.3", "9.1", "9.2", draft.study_instance_uid, "1.2.840.10008.1.2.1", "0" * 64, b"x")
    return SignedReport(
        "9.1",
        draft.workitem_uid,
        draft.site_id,
        draft.study_instance_uid,
        draft.patient,
        draft.accession_number,
        (thing,),
    )


class Bench:
    """A desk of doubles over a real journal; makes sessions."""

    def __init__(self, folder: Path) -> None:
        self.journal = Journal.open(folder / "journal.sqlite")
        self.runner: Any = NowRunner()
        self.claims = FakeClaims()
        self.delivery = FakeDelivery(self.journal)
        self.viewer = FakeViewer()
        self.cache = FakeCache()
        self.worker = FakeWorker([header(STUDY, f"{STUDY}.1", n) for n in (1, 2)])
        self.peers = {name: FakePacs() for name in ("north", "west", "south")}
        self.national_ids: dict[str, str] = {}
        self.sites = [NORTH, WEST, SOUTH]
        self._uids = iter(f"2.25.{number}" for number in range(100, 999))
        self.topics: list[Topic] = []
        self.language = "en"
        self.solo = True
        self.settings = Settings.in_memory()
        self.reader = Reader("Vries^Anna", "R1", "Region")
        self.holds(STUDY, 2)

    def holds(self, study: str, count: int, label: PatientLabel | None = None) -> None:
        """Every hospital holds this study, as one series."""
        series = f"{study}.1"
        for peer in self.peers.values():
            peer.by_study[study] = [SeriesAnswer(series, "CT", 1, number_of_instances=count)]
            numbers = range(1, count + 1)
            peer.instances[series] = [InstanceAnswer(f"{series}.{n}", instance_number=n) for n in numbers]
        changes = {"patient": label} if label is not None else {}
        self.worker.headers = [
            *(item for item in self.worker.headers if item.study_instance_uid != study),
            *(header(study, series, n, **changes) for n in range(1, count + 1)),
        ]

    @property
    def desk(self) -> Any:
        return SimpleNamespace(
            runner=self.runner,
            journal=self.journal,
            tr=Translator(self.language),
            settings=self.settings,
            reader=self.reader,
            claims=self.claims,
            sites=SiteDirectory(self.sites),
            cache=self.cache,
            workers=SimpleNamespace(images=(self.worker,), reports=None),
            delivery=self.delivery,
            calling_ae="TEST",
            new_uid=lambda: next(self._uids),
            now=lambda: NOW,
            credentials=lambda _connection: None,
            render_path="software",
            solo=self.solo,
        )

    def session(self, **changes: Any) -> CaseSession:
        case = CaseSession(
            self.desk,
            entry(**changes),
            self.viewer,
            prior_services=services(self.peers, self.national_ids),
            render=render,
        )
        case.observe(self.topics.append)
        return case

    def opened(self, **changes: Any) -> CaseSession:
        """A session that is claimed and mine."""
        case = self.session(**changes)
        case.start(claim=True)
        return case


@contextmanager
def new_bench(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """A bench whose sessions ask its own hospitals; its journal lies in `folder`."""
    made = Bench(folder)
    monkeypatch.setattr(case_images, "open_pacs", lambda connection, **_: made.peers[connection.connection_id])
    yield made
    made.journal.close()
