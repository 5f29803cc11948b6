"""No module needs one that needs it: imports inside functions count too."""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("ups", "pacs", "viewer", "worklist_client", "worklist_hub")


def imported(path: Path) -> set[str]:
    """Names that a module imports, those for type checkers alone left out."""
    tree, found = ast.parse(path.read_text("utf-8")), set[str]()
    guarded = [
        node for node in ast.walk(tree) if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    ]
    unseen = {inner for node in guarded for inner in ast.walk(node)}
    for node in ast.walk(tree):
        if node in unseen:
            continue
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{name.name}" for name in node.names)}
        elif isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
    return found


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def circle(modules: dict[str, set[str]]) -> list[str]:
    """The modules of a circle, [] where there is none."""
    try:
        TopologicalSorter({name: needs & modules.keys() - {name} for name, needs in modules.items()}).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


@pytest.mark.parametrize("package", PACKAGES)
def test_no_modules_import_each_other(package: str) -> None:
    modules = {name_of(path): imported(path) for path in (ROOT / package).rglob("*.py")}
    assert len(modules) > 5
    assert circle(modules) == []


def test_a_circle_is_seen() -> None:
    assert len(circle({"a": {"b"}, "b": {"c"}, "c": {"a"}})) == 4
