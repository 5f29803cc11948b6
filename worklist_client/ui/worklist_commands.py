"""The commands of the worklist window and its menus, as data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from worklist_client.commands.registry import Command, CommandTable
from worklist_client.ui.action_set import SEPARATOR, MenuRow
from worklist_client.ui.study_actions import CLAIMABLE, ELSEWHERE, VISIBLE
from worklist_client.ui.worklist_filters import FilterChoice
from worklist_client.worklist.entries import Status, StudyEntry


class Verbs(Protocol):
    """What the window does when a command runs."""

    def selected_entry(self) -> StudyEntry | None: ...
    def is_here(self, workitem_uid: str) -> bool: ...
    def claim_and_open(self) -> None: ...
    def look(self) -> None: ...
    def release(self) -> None: ...
    def read_elsewhere(self) -> None: ...
    def ask_about(self, verb: str) -> None: ...
    def find_text(self) -> None: ...
    def show_choice(self, choice: FilterChoice) -> None: ...
    def refresh(self) -> None: ...
    def show_deliveries(self) -> None: ...
    def show_orphans(self) -> None: ...
    def show_settings(self) -> None: ...
    def show_keys(self) -> None: ...
    def quit(self) -> None: ...


MENUS: tuple[MenuRow, ...] = (
    MenuRow(
        "Study",
        (
            "study.claim_and_open",
            "study.look",
            SEPARATOR,
            "study.release",
            "study.reserve",
            "study.assign",
            "study.hand_over",
            "study.take_over",
            SEPARATOR,
            "study.read_elsewhere",
            SEPARATOR,
            "application.quit",
        ),
    ),
    MenuRow(
        "List",
        (
            "worklist.find",
            "worklist.show_open",
            "worklist.show_mine",
            "worklist.show_all",
            "worklist.clear_filters",
            SEPARATOR,
            "worklist.refresh",
        ),
    ),
    MenuRow("Reports", ("delivery.show", "drafts.show")),
    MenuRow("Desk", ("settings.show", "help.keys")),
)

CONTEXT_MENU = (
    "study.claim_and_open",
    "study.look",
    SEPARATOR,
    "study.release",
    "study.reserve",
    "study.assign",
    "study.hand_over",
    "study.take_over",
    SEPARATOR,
    "study.read_elsewhere",
)


def worklist_commands(verbs: Verbs) -> CommandTable:
    """The command table of the window."""

    def on(statuses: frozenset[Status]) -> Callable[[], bool]:
        def enabled() -> bool:
            entry = verbs.selected_entry()
            return entry is not None and entry.status in statuses

        return enabled

    def held_here() -> bool:
        entry = verbs.selected_entry()
        return entry is not None and entry.status is Status.MINE and verbs.is_here(entry.workitem_uid)

    def show(choice: FilterChoice) -> Callable[[], None]:
        return lambda: verbs.show_choice(choice)

    def ask(verb: str) -> Callable[[], None]:
        return lambda: verbs.ask_about(verb)

    return CommandTable(
        (
            Command("study.claim_and_open", "Claim and open", verbs.claim_and_open, on(CLAIMABLE)),
            Command("study.look", "Look without claiming", verbs.look, on(VISIBLE)),
            Command("study.release", "Release", verbs.release, held_here),
            Command("study.reserve", "Reserve for me", ask("reserve"), on(ELSEWHERE)),
            Command("study.assign", "Assign…", ask("assign"), on(ELSEWHERE)),
            Command("study.hand_over", "Hand over…", ask("hand_over"), held_here),
            Command("study.take_over", "Take over…", ask("take_over"), on(frozenset({Status.CLAIMED, Status.MINE}))),
            Command("study.read_elsewhere", "Read elsewhere…", verbs.read_elsewhere, on(ELSEWHERE)),
            Command("worklist.find", "Find", verbs.find_text),
            Command("worklist.show_open", "Show what is to be reported", show(FilterChoice())),
            Command("worklist.show_mine", "Show mine", show(FilterChoice(status_view="all", mine=True))),
            Command("worklist.show_all", "Show everything", show(FilterChoice(status_view="all"))),
            Command("worklist.clear_filters", "Clear filters", show(FilterChoice())),
            Command("worklist.refresh", "Ask the shared list again", verbs.refresh),
            Command("delivery.show", "Reports on their way", verbs.show_deliveries),
            Command("drafts.show", "Drafts without a claim", verbs.show_orphans),
            Command("settings.show", "Settings", verbs.show_settings),
            Command("help.keys", "Keys", verbs.show_keys),
            Command("application.quit", "Quit", verbs.quit),
        )
    )
