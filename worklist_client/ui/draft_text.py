"""A stored draft as plain text for reading and copying, whatever became of its format."""

from __future__ import annotations

from worklist_client.report.draft_json import draft_from_json
from worklist_client.report.errors import DraftUnreadable
from worklist_client.report.model import SECTIONS
from worklist_client.settings.language import Translator

SECTION_TITLES = {
    "clinical_question": "Clinical question",
    "technique": "Technique",
    "comparison": "Comparison",
    "findings": "Findings",
    "impression": "Impression",
}
"""English titles; translated where they are shown."""


def draft_text(content: str, tr: Translator) -> str:
    """The sections that hold something; the stored text as it is where it cannot be understood."""
    try:
        sections = draft_from_json(content).sections
    except DraftUnreadable:
        return content
    filled = [(name, sections.get(name, "").strip()) for name in SECTIONS]
    return "\n\n".join(f"{tr(SECTION_TITLES[name]).upper()}\n{text}" for name, text in filled if text)
