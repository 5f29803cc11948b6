"""The documents say what is so: rooms, links, files, tests, keys, words, configuration, libraries and versions."""

from __future__ import annotations

import importlib.util
import re
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from worklist_client.settings.language import LANGUAGES, Translator
from worklist_client.ui.deliveries import STATE_TITLES
from worklist_client.ui.worklist_columns import STATUS_TITLES
from worklist_hub.config import HubConfig, load
from worklist_hub.web.callers import load_tokens

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
DOCUMENTS = sorted([ROOT / "README.md", *DOCS.rglob("*.md")])
PACKAGES = ("viewer", "ups", "pacs", "worklist_hub", "worklist_client", "resources")
OTHER_ROOMS = ("tests", "benchmarks", "docs")
PICTURE_LIMIT_BYTES = 300_000

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
NAMED_FILE = re.compile(
    r"`((?:viewer|ups|pacs|worklist_hub|worklist_client|resources|tests|docs)/[\w./]*)(?:::(\w+))?`"
)
FENCE = re.compile(r"^ *```(\w+)\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _pyproject() -> dict[str, Any]:
    return tomllib.loads(_text(ROOT / "pyproject.toml"))


def _blocks(path: Path, language: str) -> list[str]:
    """Fenced blocks of a document, without the indentation of the list that they stand in."""
    found = []
    for block in FENCE.finditer(_text(path)):
        if block[1] == language:
            lines = block[2].splitlines()
            indent = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
            found.append("\n".join(line[indent:] for line in lines) + "\n")
    return found


def _anchors(path: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", _text(path), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def _rooms() -> list[str]:
    """Every package and sub-package, and every folder of resources."""
    rooms = []
    for package in PACKAGES:
        rooms += [init.parent for init in sorted((ROOT / package).rglob("__init__.py"))]
    rooms += [folder for folder in sorted((ROOT / "resources").iterdir()) if folder.is_dir()]
    names = {f"{room.relative_to(ROOT).as_posix()}/" for room in rooms if room.name != "__pycache__"}
    return sorted(names | {f"{name}/" for name in OTHER_ROOMS})


@pytest.mark.parametrize("room", _rooms())
def test_every_room_is_in_the_architecture(room: str) -> None:
    assert f"`{room}`" in _text(DOCS / "architecture.md")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_and_pictures_lead_somewhere(document: Path) -> None:
    dead = []
    for target in LINK.findall(_text(document)):
        if target.startswith(("http://", "https://")):
            continue
        name, _, anchor = target.partition("#")
        path = (document.parent / name).resolve() if name else document
        if not path.exists() or (anchor and anchor not in _anchors(path)):
            dead.append(target)
    assert not dead


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_files_and_tests_that_are_named_exist(document: Path) -> None:
    wrong = []
    for name, test in NAMED_FILE.findall(_text(document)):
        path = ROOT / name
        if not path.exists() or (test and f"def {test}(" not in _text(path)):
            wrong.append(f"{name}::{test}")
    assert not wrong


def test_the_readme_shows_the_running_program_in_small_pictures() -> None:
    shown = [name for name in LINK.findall(_text(ROOT / "README.md")) if name.endswith(".png")]
    assert {Path(name).stem for name in shown} >= {"worklist", "reading", "signing", "card"}
    large = [name for name in shown if (ROOT / name).stat().st_size >= PICTURE_LIMIT_BYTES]
    assert not large


def test_versions_are_one() -> None:
    version = _pyproject()["project"]["version"]
    newest = re.search(r"^## (\d+\.\d+\.\d+)", _text(ROOT / "CHANGELOG.md"), re.MULTILINE)
    assert newest is not None
    assert newest[1] == version
    assert f"For version {version};" in _text(DOCS / "conformance.md")


def _bare(requirement: str) -> tuple[str, str]:
    """(name, floor) of a requirement."""
    found = re.match(r"([\w.-]+)(?:>=([\w.]+))?", requirement)
    assert found is not None
    return found[1], found[2] or ""


def test_every_library_is_explained_and_nothing_else_is() -> None:
    project = _pyproject()["project"]
    floors = dict(_bare(one) for one in project["dependencies"] + project["optional-dependencies"]["region"])
    explained: dict[str, str] = {}
    for row in re.findall(r"^\| ([^|]+) \|", _text(DOCS / "dependencies.md"), re.MULTILINE)[1:]:
        for one in row.split(", "):
            name, _, floor = one.partition(" ≥ ")
            explained[name] = floor
    assert set(explained) == set(floors)
    assert {name: floor for name, floor in explained.items() if floor and floors[name] != floor} == {}


def test_every_development_tool_is_named() -> None:
    tools = [_bare(one)[0] for one in _pyproject()["project"]["optional-dependencies"]["dev"]]
    text = _text(DOCS / "dependencies.md").partition("\nDevelopment:")[2]
    assert [tool for tool in tools if tool not in text] == []


def test_every_library_is_imported_somewhere() -> None:
    """What nothing imports is not a dependency; the few that are used by name only are listed with their users."""
    by_name_only = {"tzdata": "zoneinfo"}
    module_of = {"PySide6-Essentials": "PySide6", "vtk": "vtkmodules", "pylibjpeg-libjpeg": "libjpeg"}
    module_of |= {"pylibjpeg-openjpeg": "openjpeg", "SQLAlchemy": "sqlalchemy"}
    module_of |= {"PyJWT": "jwt", "argon2-cffi": "argon2"}
    source = "\n".join(_text(path) for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
    unused = []
    for name, _ in map(_bare, _pyproject()["project"]["dependencies"]):
        module = by_name_only.get(name) or module_of.get(name, name)
        if not re.search(rf"\b(import|from) {re.escape(module)}\b|import_module\(\"{re.escape(module)}", source):
            unused.append(name)
    assert unused == []


def _key_tables() -> ModuleType:
    spec = importlib.util.spec_from_file_location("key_tables", DOCS / "key_tables.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_guides_hold_the_keys_of_the_program(language: str) -> None:
    """Where this fails: `.venv/bin/python docs/key_tables.py`."""
    module = _key_tables()
    text = _text(module.GUIDES[language])
    assert module.filled(text, language) == text


def test_a_key_that_is_not_the_programs_would_be_noticed() -> None:
    module = _key_tables()
    text = _text(module.GUIDES["en"])
    assert module.filled(text.replace("| `Ctrl+M` |", "| `Ctrl+B` |"), "en") == text


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_guides_explain_every_status_and_state_in_the_programs_words(language: str) -> None:
    tr = Translator(language)
    text = _text(_key_tables().GUIDES[language])
    words = [tr(title) for title in (*STATUS_TITLES.values(), *STATE_TITLES.values())]
    assert [word for word in words if f"| {word} |" not in text] == []


def _configurations() -> list[tuple[str, str]]:
    found = []
    for path in (ROOT / "README.md", DOCS / "hub-operation.md"):
        found += [(path.name, block) for block in _blocks(path, "toml") if "[[site]]" in block]
    return found


@pytest.mark.parametrize(("name", "block"), _configurations(), ids=[name for name, _ in _configurations()])
def test_configurations_in_the_documents_are_taken_by_the_hub(name: str, block: str, tmp_path: Path) -> None:
    path = tmp_path / "hub.toml"
    path.write_text(block, encoding="utf-8")
    config = load(path)
    kinds = [connection.kind for site in config.sites for connection in site.connections]
    assert kinds == ["dimse", "dicomweb"]
    assert config.rules.rules[0].expertise


def test_the_reference_of_hub_toml_names_every_key() -> None:
    reference = max((block for name, block in _configurations() if name == "hub-operation.md"), key=len)
    data = tomllib.loads(reference)
    one_site, rule = data["site"][0], data["rule"][0]
    assert isinstance(HubConfig.__dataclass_fields__, dict)
    from_code = importlib.import_module("worklist_hub.config")._TABLES
    assert {name: set(data[name]) for name in from_code} == {name: set(keys) for name, keys in from_code.items()}
    site_fields = importlib.import_module("pacs.site").Site.__dataclass_fields__
    assert set(one_site) == set(site_fields)
    for connection, kind in ((one_site["connections"][0], "Dimse"), (data["site"][1]["connections"][0], "Dicomweb")):
        fields = getattr(importlib.import_module("pacs.site"), f"{kind}Connection").__dataclass_fields__
        assert set(connection) == set(fields)
    assert set(rule) == set(importlib.import_module("worklist_hub.intake.rules").Rule.__dataclass_fields__)


def test_the_token_file_in_the_document_is_taken_by_the_hub(tmp_path: Path) -> None:
    block = next(block for block in _blocks(DOCS / "hub-operation.md", "toml") if "[[reader]]" in block)
    path = tmp_path / "tokens.toml"
    path.write_text(block, encoding="utf-8")
    path.chmod(0o600)
    assert [known.reader.code for known in load_tokens(path).values()] == ["900001"]
