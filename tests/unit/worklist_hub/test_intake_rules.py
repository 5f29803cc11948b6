"""Rules of intake: first match wins, errors are precise."""

from __future__ import annotations

import pytest

from worklist_hub.intake.rules import READ_ALL_IMAGES, Rule, RuleError, StudyFacts, first_match, rules_from

CT = StudyFacts("north", ("CT", "SR"), station="CT-ER-1", description="CT hersenen trauma")


def test_the_first_rule_that_matches_decides() -> None:
    rules = rules_from(
        [
            {"modality": "MR", "expertise": "mr"},
            {"modality": "CT", "station": "ER", "expertise": "trauma", "priority": "HIGH"},
            {"expertise": "general"},
        ]
    )
    assert first_match(rules, CT) is rules[1]
    assert first_match(rules, StudyFacts("north", ("US",))) is rules[2]


def test_a_modality_matches_as_a_whole_and_a_description_anywhere() -> None:
    assert first_match((Rule(modality="C"),), CT) is None
    assert first_match((Rule(modality="CR|CT"),), CT) is not None
    assert first_match((Rule(description="TRAUMA"),), CT) is not None
    assert first_match((Rule(site="nor"),), CT) is None


def test_a_study_of_documents_alone_is_nothing_to_read() -> None:
    assert first_match(READ_ALL_IMAGES, StudyFacts("north", ("SR", "KO", "PR"))) is None
    assert first_match(READ_ALL_IMAGES, StudyFacts("north", ("CT", "SR"))) is READ_ALL_IMAGES[0]


def test_without_rules_every_study_with_images_is_read() -> None:
    assert rules_from([]) == READ_ALL_IMAGES


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"modalty": "CT"}, r"number 2: modalty is unknown; allowed are site"),
        ({"modality": "("}, r"number 2: modality is no regular expression"),
        ({"read": "yes"}, r"number 2: read must be true or false"),
        ({"due_min": True}, r"number 2: due_min must be a whole number"),
        ({"due_min": -1}, r"number 2: due_min must not be negative"),
        ({"priority": "URGENT"}, r"number 2: priority must be one of HIGH"),
    ],
)
def test_a_wrong_rule_is_named_with_what_is_allowed(table: dict[str, object], message: str) -> None:
    with pytest.raises(RuleError, match=message):
        rules_from([{"read": False}, table])
