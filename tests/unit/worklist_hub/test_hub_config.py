from __future__ import annotations

import hashlib
from datetime import timedelta
from pathlib import Path

import pytest

from ups.codes import Person
from worklist_hub.config import ConfigError, is_loopback, load
from worklist_hub.web.callers import Admission, NotAdmitted, load_tokens

GOOD = """
[hub]
listen = "127.0.0.1:8081"
database = "list.sqlite"
ae_title = "HUB"
[intake]
poll_s = 5
[[site]]
site_id = "north"
name = "North"
color = "#ff0000"
time_zone = "Europe/Amsterdam"
connections = [{ kind = "dimse", connection_id = "n1", host = "127.0.0.1", port = 104, called_ae = "NORTH" }]
[[site]]
site_id = "west"
name = "West"
color = "#00ff00"
connections = [{ kind = "dicomweb", connection_id = "w1", base_url = "http://127.0.0.1:1/dicom-web" }]
[[rule]]
modality = "CT"
expertise = "NEURO"
due_min = 60
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "hub.toml"
    path.write_text(text, "utf-8")
    return path


def test_a_good_file_is_read_whole(tmp_path: Path) -> None:
    config = load(written(tmp_path, GOOD))
    assert (config.host, config.port, config.ae_title, config.poll_s) == ("127.0.0.1", 8081, "HUB", 5.0)
    assert config.database == tmp_path / "list.sqlite"
    assert [site.site_id for site in config.sites] == ["north", "west"]
    assert [site.connections[0].kind for site in config.sites] == ["dimse", "dicomweb"]
    assert config.rules.rules[0].expertise == "NEURO"


def test_an_empty_file_is_all_defaults(tmp_path: Path) -> None:
    config = load(written(tmp_path, ""))
    assert (config.host, config.port, config.sites) == ("127.0.0.1", 0, ())
    assert config.is_loopback


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[hub", "not TOML"),
        ("[hubb]", r"\[hubb\] is unknown; allowed are hub, intake, .*rule"),
        ("hub = 1", r"\[hub\] must be a table"),
        ("[hub]\nport = 1", r"\[hub\] port is unknown; allowed are listen"),
        ("[hub]\nlisten = 80", r"\[hub\] listen must be a text, not 80"),
        ('[hub]\nlisten = "127.0.0.1"', "address:port"),
        ('[hub]\nlisten = "127.0.0.1:70000"', "address:port"),
        ('[hub]\nae_title = "SEVENTEEN LETTERS"', "1 to 16"),
        ("[intake]\npoll_s = 0", r"\[intake\] poll_s must be more than 0"),
        ("[intake]\ncatch_up_days = -1", r"\[intake\] catch_up_days must be from 0 to 366"),
        ("[intake]\npoll_s = true", r"\[intake\] poll_s must be a number"),
        ("[site]\nname = 'x'", r"written as \[\[site\]\]"),
        ("[[site]]\nsite_id = 'n'", "number 1.*'name' is missing"),
        ("[[site]]\nsite_id='n'\nname='N'\ncolor='#c0c0c0'\ncolour='c'", "number 1: colour is unknown; allowed are"),
        ("[[site]]\nsite_id='n'\nname='N'\ncolor='#c0c0c0'\ntime_zone='Mars/Base'", "time_zone 'Mars/Base' is none"),
        ("[[site]]\nsite_id='n'\nname='N'\ncolor='#c0c0c0'\nforeign_reading='maybe'", "permit, deny, unknown"),
        ("[[site]]\nsite_id='n'\nname='N'\ncolor='blue'", "color 'blue' is none; an example is '#4FA3E0'"),
        ("[[site]]\nsite_id='n'\nname='N'\ncolor='#c0c0c0'\nlookback_h=-1", "lookback_h"),
        ("[[site]]\nsite_id='n'\nname='N'\ncolor='#c0c0c0'\nextra=3", "extra must be a table"),
        ("[[site]]\nsite_id='n'\nname='N'\ncolor='#c0c0c0'\nextra={unsaid_reports='yes'}", "'preliminary' or 'final'"),
        ("[[site]]\nsite_id='n'\nname='N'\ncolor='#c0c0c0'\nconnections=[{kind='fax'}]", "'dimse' or 'dicomweb'"),
        ("[[site]]\nsite_id='n'\nname='N'\ncolor='#c0c0c0'\nconnections=3", "connections must be a list"),
        ("[[site]]\nsite_id='n'\nname='N'\ncolor='#c0c0c0'\n" * 2, "'n' stands there twice"),
        ("[[rule]]\nmodality = '('", r"\[\[rule\]\] number 1: modality is no regular expression"),
    ],
)
def test_every_error_names_the_file_the_key_and_what_is_allowed(tmp_path: Path, text: str, said: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(ConfigError, match=said) as refused:
        load(path)
    assert str(path) in str(refused.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"hub\.toml: No such file"):
        load(tmp_path / "hub.toml")


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("hub.example", False),
    ],
)
def test_loopback_is_told_from_the_world(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


def tokens(folder: Path, text: str, mode: int = 0o600) -> Path:
    path = folder / "tokens.toml"
    path.write_text(text, "utf-8")
    path.chmod(mode)
    return path


def test_a_token_means_its_reader_and_nobody_else(tmp_path: Path) -> None:
    digest = hashlib.sha256(b"another-long-token").hexdigest()
    path = tokens(
        tmp_path,
        f'[[reader]]\ntoken = "0123456789abcdef"\ncode = "1"\nname = "Ann^A"\n'
        f'[[reader]]\ntoken_sha256 = "{digest}"\ncode = "2"\nname = "Bob^B"\norganisation = "South"\n',
    )
    admission = Admission(readers=load_tokens(path))
    assert admission.caller("Bearer 0123456789abcdef", "").reader == Person("1", "Ann^A", "")
    pretending = '{"code": "1", "name": "Ann^A", "organisation": ""}'
    assert admission.caller("bearer another-long-token", pretending).reader == Person("2", "Bob^B", "South")
    for wrong in ("", "Bearer ", "Bearer x", "Basic 0123456789abcdef"):
        with pytest.raises(NotAdmitted):
            admission.caller(wrong, "")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", r"must hold \[\[reader\]\]"),
        ('[[reader]]\ntoken = "short"\ncode = "1"\nname = "A"', "16 characters"),
        ('[[reader]]\ntoken = "0123456789abcdef"\nname = "A"', "code and name are needed"),
        ('[[reader]]\ntoken = "0123456789abcdef"\ncode = "1"\nname = "A"\nadmin = true', "admin is unknown"),
        ('[[reader]]\ntoken = "0123456789abcdef"\ncode = "1"\nname = "A"\n' * 2, "stands there twice"),
        (
            '[[reader]]\ntoken = "0123456789abcdef"\ncode = "1"\nname = "A"\n'
            '[[reader]]\ntoken = "fedcba9876543210"\ncode = "1"\nname = "B"\n',
            "number 2: code '1' is that of another reader",
        ),
    ],
)
def test_a_bad_token_file_is_refused_with_the_place(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as refused:
        load_tokens(tokens(tmp_path, text))
    assert "0123456789abcdef" not in str(refused.value)


def test_a_token_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tokens(tmp_path, '[[reader]]\ntoken = "0123456789abcdef"\ncode = "1"\nname = "A"', 0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        load_tokens(path)


def test_a_shared_token_admits_and_the_header_names_the_reader() -> None:
    admission = Admission(shared_token="s3cret")
    header = "%7B%22code%22%3A%221%22%2C%22name%22%3A%22%C5%90%5EA%22%2C%22organisation%22%3A%22%22%7D"
    assert admission.caller("Bearer s3cret", header).reader == Person("1", "Ő^A", "")
    assert admission.caller("Bearer s3cret", "").reader is None
    with pytest.raises(NotAdmitted):
        admission.caller("Bearer S3cret", header)
    assert "s3cret" not in repr(admission)


def test_how_long_a_reader_may_be_silent_is_a_setting(tmp_path: Path) -> None:
    path = tmp_path / "hub.toml"
    path.write_text("[claims]\nstale_after_s = 120\nrelease_unstarted_after_s = 0\n")
    rules = load(path).claims
    assert (rules.stale_after.total_seconds(), rules.release_unstarted_after) == (120, None)
    for wrong in ("stale_after_s = 10", "release_unstarted_after_s = 100", 'stale_after_s = "x"', "unknown = 1"):
        path.write_text(f"[claims]\n{wrong}\n")
        with pytest.raises(ConfigError, match="claims"):
            load(path)


def test_how_long_a_finished_study_stays_is_a_setting(tmp_path: Path) -> None:
    path = tmp_path / "hub.toml"
    path.write_text("")
    assert load(path).kept == timedelta(days=730)
    path.write_text("[retention]\nfinished_days = 30\n")
    assert load(path).kept == timedelta(days=30)
    for wrong in (
        "finished_days = 1",
        "finished_days = 40000",
        'finished_days = "x"',
        "days = 30",
        "finished_days = nan",
    ):
        path.write_text(f"[retention]\n{wrong}\n")
        with pytest.raises(ConfigError, match="retention"):
            load(path)
