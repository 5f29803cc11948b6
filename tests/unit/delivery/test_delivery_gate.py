"""A report never reaches a PACS other than its study's: each check on its own, then all of them against chance."""

from __future__ import annotations

import inspect
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.delivery.doubles import START, HeldStudy, MemoryPacs, Region, never, report_of, site_of
from worklist_client.delivery import gate, service, steps
from worklist_client.delivery.errors import Held
from worklist_client.delivery.status import DeliveryState
from worklist_client.journal import Journal, PackageRow
from worklist_client.report.model import SignedReport

SITES = ("north", "south", "west")


def test_no_public_call_takes_a_destination() -> None:
    """Nobody can type or choose one (design decision 3)."""
    forbidden = {"site", "site_id", "destination", "connection", "host", "ae_title", "url"}
    for name, method in inspect.getmembers(service.DeliveryService, inspect.isfunction):
        if not name.startswith("_"):
            assert not forbidden & set(inspect.signature(method).parameters), name


Change = Callable[[HeldStudy], HeldStudy]


def _answer(**values: str) -> Change:
    return lambda held: replace(held, answer=replace(held.answer, **values))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_answer(patient_id="P2"), "patient number"),
        (_answer(patient_id="p1"), "patient number"),
        (_answer(patient_id="P1 "), "patient number"),
        (_answer(accession_number="A2"), "accession"),
        (_answer(accession_number=""), "accession"),
        (_answer(issuer_of_patient_id="OTHER"), "issuer"),
        (_answer(study_instance_uid="1.2.3"), "does not hold this study"),
        (lambda held: replace(held, images=held.images[1:]), "1 image"),
        (lambda held: replace(held, images=()), "2 image"),
    ],
)
def test_what_the_hospital_says_now_must_agree(region: Region, change: Change, words: str) -> None:
    archive = region.add("north", issuer_of_patient_id="N")
    report, held = report_of("north", "S1", issuer="N")
    archive.studies.append(change(held))
    region.sign(report)
    region.service().deliver_due(never)
    status = region.service().status_of(report.report_id)
    assert status.state is DeliveryState.ATTENTION
    assert words in status.reason
    assert archive.sent == []


def test_a_second_study_with_the_uid_under_another_patient_is_no_match(region: Region) -> None:
    """Orthanc splits such a study in two."""
    archive = region.add("north")
    report, held = report_of("north", "S1")
    archive.studies += [held, _answer(patient_id="")(held)]
    region.sign(report)
    region.service().deliver_due(never)
    assert region.service().status_of(report.report_id).state is DeliveryState.ATTENTION
    assert archive.sent == []


@pytest.mark.parametrize(("stated", "default", "expected"), [("", "N", "DONE"), ("N", "N", "DONE"), ("", "", "DONE")])
def test_an_issuer_that_nobody_doubts_is_not_needed(region: Region, stated: str, default: str, expected: str) -> None:
    archive = region.add("north", issuer_of_patient_id=default)
    report, held = report_of("north", "S1", issuer=stated)
    archive.studies.append(_answer(issuer_of_patient_id="")(held))
    region.sign(report)
    region.service().deliver_due(never)
    assert region.service().status_of(report.report_id).state.value == expected


def test_an_unsaid_issuer_is_read_from_an_image(region: Region) -> None:
    archive = region.add("north", issuer_of_patient_id="N")
    report, held = report_of("north", "S1", issuer="TRAUMA")
    archive.studies.append(_answer(issuer_of_patient_id="")(held))
    region.sign(report)
    region.service().deliver_due(never)
    status = region.service().status_of(report.report_id)
    assert (status.state, archive.sent) == (DeliveryState.ATTENTION, [])
    image = sorted(held.images)[0][1]
    other, _ = report_of("north", "S1", issuer="TRAUMA")
    item = other.objects[0]
    ct_image = "1.2.840.10008.5.1.4.1.1.2"
    archive.objects[image] = steps.StoreObject(
        ct_image, image, item.transfer_syntax_uid, item.study_instance_uid, item.data
    )
    region.service().try_again()
    region.service().deliver_due(never)
    assert region.service().status_of(report.report_id).state is DeliveryState.DONE


def _row(report: SignedReport, **values: str) -> PackageRow:
    row = PackageRow(
        report.report_id,
        report.workitem_uid,
        report.site_id,
        report.study_instance_uid,
        report.patient.key.issuer,
        report.patient.key.patient_id,
        report.accession_number,
        "",
        START,
    )
    return replace(row, **values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"site_id": "south"}, "destination"),
        ({"study_instance_uid": "1.2.3"}, "another study"),
        ({"patient_id": "P2"}, "another patient"),
        ({"patient_issuer": "OTHER"}, "issuer"),
        ({"accession_number": "A2"}, "accession"),
    ],
)
def test_the_bytes_must_be_of_the_claim(values: dict[str, str], words: str) -> None:
    report, _ = report_of("north", "S1", issuer="N")
    manifests = [gate.manifest_of(item.data) for item in report.objects]
    gate.check_objects(_row(report), manifests, site_of("north", 1000))
    with pytest.raises(Held, match=words):
        gate.check_objects(_row(report, **values), manifests, site_of("north", 1000))


def _chance(seed: int, folder: Path) -> tuple[dict[str, MemoryPacs], dict[str, str]]:
    """Random studies at three hospitals, equal patient numbers and study UIDs across them, a directory that is
    edited while reports are under way, archives that come and go. Returns the archives and object UID -> origin."""
    chance = random.Random(seed)
    with Journal.open(folder / "journal.sqlite") as journal:
        region = Region(journal)
        archives = {site_id: region.add(site_id) for site_id in SITES}
        origin: dict[str, str] = {}
        for number in range(chance.randint(1, 5)):
            site_id = chance.choice(SITES)
            shared_name = chance.random() < 0.5
            study = f"S{number // 2 if shared_name else number + 100}"
            report, held = report_of(site_id, study, chance.choice(["P1", "P2"]), accession=f"A{site_id}", kinds=1)
            if report.report_id in origin:
                continue
            archives[site_id].studies.append(held)
            origin[report.report_id] = site_id
            region.sign(report)
        right = list(region.directory)
        for _ in range(6):
            ports = [site.connections for site in right]
            if chance.random() < 0.5:
                chance.shuffle(ports)  # somebody mixes up the addresses of the hospitals
            region.directory[:] = [replace(site, connections=port) for site, port in zip(right, ports, strict=True)]
            for archive in archives.values():
                archive.away = chance.random() < 0.3
            region.service().deliver_due(never)
            region.clock.forward(chance.choice([1, 20, 400]))
        region.directory[:] = right
        for archive in archives.values():
            archive.away = False
        region.service().try_again()
        region.clock.forward(400)
        region.service().deliver_due(never)
        assert region.service().undelivered() == ()
    return archives, origin


def _check(archives: dict[str, MemoryPacs], origin: dict[str, str]) -> None:
    for site_id, archive in archives.items():
        mine = sorted(uid for uid, home in origin.items() if home == site_id)
        assert sorted(archive.sent) == mine, "a report reached another hospital, or came twice"


def _check_all(results: list[tuple[dict[str, MemoryPacs], dict[str, str]]]) -> None:
    for archives, origin in results:
        _check(archives, origin)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10**9))
def test_each_archive_only_ever_receives_its_own_studies(seed: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    _check(*_chance(seed, tmp_path_factory.mktemp("chance")))


def test_known_bad_without_the_gate_a_report_goes_astray(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The property above can fail: without the gate, mixed-up addresses lead reports into foreign archives."""
    monkeypatch.setattr(steps, "check_identity", lambda package, objects, site, pacs, cancelled: None)
    results = [_chance(seed, tmp_path_factory.mktemp("astray")) for seed in range(20)]
    with pytest.raises(AssertionError, match="another hospital"):
        _check_all(results)


@pytest.mark.parametrize("check", ["check_answers", "check_references"])
def test_known_bad_each_single_check_is_needed(region: Region, monkeypatch: pytest.MonkeyPatch, check: str) -> None:
    """With one check gone, the very case it is there for gets through."""
    archive = region.add("north")
    report, held = report_of("north", "S1")
    wrong = _answer(patient_id="P2")(held) if check == "check_answers" else replace(held, images=())
    archive.studies.append(wrong)
    region.sign(report)
    region.service().deliver_due(never)
    assert archive.sent == []
    monkeypatch.setattr(gate, check, lambda *arguments: None)
    region.service().try_again()
    region.service().deliver_due(never)
    assert len(archive.sent) == 2
