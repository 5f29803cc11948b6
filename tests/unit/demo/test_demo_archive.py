"""The demo's patients and the inside of a demo hospital."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, cast

import pytest
from pydicom.dataset import Dataset

from worklist_client.demo import anatomy, phantom
from worklist_client.demo.archive import Archive
from worklist_client.demo.hospitals import Hospital, home_zone, hub_configuration
from worklist_client.demo.make import orders, write_all
from worklist_client.demo.objects import CT_PLANS, Order, instances
from worklist_client.demo.patients import PATIENTS, SITES
from worklist_client.identity.national_id import is_valid

NOW = datetime(2026, 11, 21, 22, 0)


def _order(kind: str) -> Order:
    return next(order for order in orders(NOW) if order.study.kind == kind)


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    """A hospital with one radiograph and one MR."""
    for kind in ("cr_hand", "mr_brain"):
        for dataset in instances(_order(kind)):
            dataset.save_as(tmp_path / f"{dataset.SOPInstanceUID}.dcm", enforce_file_format=True)
    return Archive(tmp_path)


@pytest.mark.parametrize("hours", [0, 1, -5, 5.5, -3.5])
def test_no_study_of_the_demo_is_made_later_than_the_clock_of_this_computer(hours: float) -> None:
    """The hospitals lived in Amsterdam, wherever the computer was: new studies seemed to come from the future."""
    here = timezone(timedelta(hours=hours))
    now = datetime(2026, 11, 21, 22, 0, tzinfo=here)
    there = now.astimezone(home_zone(now)).replace(tzinfo=here)
    assert timedelta(0) <= now - there < timedelta(hours=1)
    assert all(order.made <= there for order in orders(there))


def test_the_hub_of_the_demo_is_told_the_clock_of_its_hospitals() -> None:
    told = hub_configuration([Hospital("north", cast(Any, None), 1)])
    assert f'time_zone = "{home_zone().key}"' in told


def test_every_national_number_passes_the_eleven_test_and_belongs_to_one_person() -> None:
    numbers = [patient.national_id for patient in PATIENTS]
    assert all(is_valid(number) for number in numbers)
    assert len(set(numbers)) == len(numbers)


def test_one_patient_id_means_two_people_at_two_hospitals() -> None:
    holders = {(s.site_id, p.name) for p in PATIENTS for s in p.studies if s.patient_id == "0012345"}
    assert len({site for site, _ in holders}) == 2
    assert len({name for _, name in holders}) == 2


def test_about_twenty_patients_over_three_hospitals() -> None:
    assert len(PATIENTS) == 20
    assert {study.site_id for patient in PATIENTS for study in patient.studies} == {site.site_id for site in SITES}


def test_the_thin_chest_has_two_hundred_and_fifty_slices() -> None:
    assert CT_PLANS["ct_chest_thin"][0] == 250


def test_the_metastases_have_grown() -> None:
    """The darkest liver area is larger in the current study than in the prior."""

    def lesion_pixels(kind: str) -> int:
        body = anatomy.abdomen(1.0 if kind == "small" else 1.75)
        picture = phantom.slices(body, [0.10], sigma=0.0)[0]
        return int(((picture > 50) & (picture < 65))[180:300, 100:200].sum())

    assert lesion_pixels("grown") > 2 * lesion_pixels("small") > 0


def test_every_kind_of_study_is_written_and_indexed(tmp_path: Path) -> None:
    kinds = {"cr_chest", "us_heart"}
    write_all(
        tmp_path, [order for order in orders(NOW) if order.study.kind in kinds and order.study.site_id == "north"]
    )
    archive = Archive(tmp_path / "north")
    modalities = {str(item.header.Modality) for item in archive.instances()}
    assert modalities == {"CR", "US"}


def test_study_answers_count_their_instances(archive: Archive) -> None:
    answers = archive.search("STUDY", {"ModalitiesInStudy": "MR"})
    assert [int(answer.NumberOfStudyRelatedInstances) for answer in answers] == [26]


def test_names_match_by_wildcard_without_regard_to_case(archive: Archive) -> None:
    family = _order("mr_brain").patient.name.split("^")[0]
    assert len(archive.search("STUDY", {"PatientName": f"{family.lower()}*"})) == 1
    assert archive.search("STUDY", {"PatientName": "nobody*"}) == []


def test_dates_match_by_range(archive: Archive) -> None:
    assert len(archive.search("STUDY", {"StudyDate": "20261120-20261122"})) == 2
    assert archive.search("STUDY", {"StudyDate": "-20200101"}) == []


def test_a_second_object_with_the_same_uid_is_ignored(archive: Archive) -> None:
    report = Dataset()
    first = archive.instances()[0].header
    for key in ("StudyInstanceUID", "SeriesInstanceUID", "PatientID"):
        report[key] = first[key]
    report.Modality = "SR"
    report.SOPClassUID, report.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.88.22", "1.2.3.4"
    report.file_meta = first.file_meta
    assert archive.add(report)
    assert not archive.add(report)
    assert len(archive.instances(sop=["1.2.3.4"])) == 1
