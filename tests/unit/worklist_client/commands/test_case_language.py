"""One report, one language, from its first word to its signature, whatever the interface speaks meanwhile."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.peers.reading_bench import STUDY, Bench, render
from tests.peers.reading_doubles import length
from worklist_client.commands.case_signing import sign_request
from worklist_client.settings.declarations import REPORT_LANGUAGE


def test_a_report_keeps_its_language_when_the_interface_changes_half_way(bench: Bench) -> None:
    bench.language = "nl"
    case = bench.opened()
    case.report.set_section("findings", "Rustig beeld.")
    case.close()
    bench.language = "en"
    again = bench.opened()
    assert again.report.draft.language == "nl"
    annotation = length("a1")
    bench.viewer.set_annotations(STUDY, (annotation,))
    again.report.annotations_changed()
    [row] = again.report.measurements()
    assert row.text.startswith("Lengte")
    request = sign_request(bench.desk, again.report.draft, "d", (), (), stat=False)
    assert request.render.language == "nl"
    assert render(request.render, None).objects


@pytest.mark.parametrize(("interface", "wished", "expected"), [("nl", "interface", "nl"), ("nl", "en", "en")])
def test_a_profile_may_report_in_another_language_than_its_interface(
    bench: Bench, interface: str, wished: str, expected: str
) -> None:
    bench.language = interface
    bench.settings.set(REPORT_LANGUAGE, wished)
    assert bench.opened().report.draft.language == expected


def test_a_draft_of_an_older_version_is_signed_in_the_language_of_the_interface(bench: Bench) -> None:
    bench.language = "nl"
    case = bench.opened()
    old = replace(case.report.draft, language="")
    assert sign_request(bench.desk, old, "d", (), (), stat=False).render.language == "nl"
