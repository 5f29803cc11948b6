"""The house rules that a machine can check: style, types, direction of imports, sizes, who may make threads."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("viewer", "ups", "pacs", "worklist_hub", "worklist_client")
BIN = Path(sys.executable).parent

FILE_LINES, FUNCTION_LINES, CLASS_METHODS = 400, 50, 30
"""Limits on the tail. The house aims lower (15 methods a class); Qt widgets override many events."""

THREADS_ALLOWED = ("viewer/tasks.py", "worklist_hub/", "worklist_client/demo/", "pacs/")
"""Background work of viewer and client; a server of its own; processes beside the product; workers and the SCP."""
MAKES_THREADS = re.compile(r"\b(threading\.Thread\(|QThread|QRunnable|ThreadPoolExecutor|asyncio\.|processEvents)")


def _sources() -> Iterator[Path]:
    for package in PACKAGES:
        yield from sorted((ROOT / package).rglob("*.py"))


def _run(*command: str) -> None:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]


def test_ruff_finds_nothing() -> None:
    _run(str(BIN / "ruff"), "check", ".")


def test_code_is_formatted() -> None:
    _run(str(BIN / "ruff"), "format", "--check", ".")


@pytest.mark.timeout(600)
def test_mypy_strict_finds_nothing() -> None:
    _run(str(BIN / "mypy"))


def test_imports_point_downward() -> None:
    _run(str(BIN / "lint-imports"))


def test_no_file_is_longer_than_the_limit() -> None:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in _sources()}
    long = {str(path.relative_to(ROOT)): count for path, count in lengths.items() if count > FILE_LINES}
    assert not long


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _docstring_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    first = node.body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        return (first.end_lineno or first.lineno) - first.lineno + 1
    return 0


def test_no_function_is_longer_than_the_limit() -> None:
    long = {}
    for path in _sources():
        for node in ast.walk(_tree(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1 - _docstring_lines(node)
                if lines > FUNCTION_LINES:
                    long[f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"] = lines
    assert not long


def test_no_class_has_more_methods_than_the_limit() -> None:
    big = {}
    for path in _sources():
        for node in ast.walk(_tree(path)):
            if isinstance(node, ast.ClassDef):
                methods = [item for item in node.body if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef)]
                if len(methods) > CLASS_METHODS:
                    big[f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"] = len(methods)
    assert not big


def test_every_package_and_module_says_why_it_exists() -> None:
    silent = [str(path.relative_to(ROOT)) for path in _sources() if not ast.get_docstring(_tree(path))]
    assert not silent


def test_threads_are_made_in_their_places_only() -> None:
    offenders = [
        str(path.relative_to(ROOT))
        for path in _sources()
        if not str(path.relative_to(ROOT)).startswith(THREADS_ALLOWED)
        and MAKES_THREADS.search(path.read_text(encoding="utf-8"))
    ]
    assert not offenders


def test_nothing_is_named_for_nothing() -> None:
    empty = {"utils", "util", "common", "core", "manager", "helpers", "helper", "misc", "base"}
    named = [str(path.relative_to(ROOT)) for path in _sources() if path.stem in empty or path.parent.name in empty]
    assert not named


def test_the_product_names_no_machine() -> None:
    """No path of a machine in anything that is tracked."""
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    marks = [f"/{name}/" for name in ("work", "root", "farm")]
    hits = []
    for name in tracked:
        path = ROOT / name
        if path.suffix in (".py", ".md", ".toml", ".json", ".yml", "") and path.is_file():
            text = path.read_text(encoding="utf-8", errors="replace")
            hits += [
                name for mark in marks if mark in text and name != "tests/architecture/test_architecture_checks.py"
            ]
    assert not hits


PURE = (
    "ups.client",
    "worklist_client.identity.compare",
    "worklist_client.worklist.entries",
    "worklist_client.report.model",
    "viewer.geometry.plane",
    "viewer.records",
)


@pytest.mark.parametrize("module", PURE)
def test_pure_modules_load_neither_qt_nor_vtk_nor_pydicom(module: str) -> None:
    code = (
        f"import sys, {module}; "
        "bad = [name for name in ('PySide6', 'vtkmodules', 'vtk', 'pydicom', 'pynetdicom') if name in sys.modules]; "
        "sys.exit(' '.join(bad) or 0)"
    )
    _run(sys.executable, "-c", code)
