"""`worklist-hub check` against a hospital that answers and one that is closed."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from worklist_client.demo.archive import Archive
from worklist_client.demo.dimse_hospital import serve
from worklist_hub.app import main

SITE = """
[[site]]
site_id = "{name}"
name = "Hospital {name}"
color = "#123456"
connections = [{{ kind = "dimse", connection_id = "{name}", host = "127.0.0.1", port = {port}, called_ae = "{ae}" }}]
"""


def test_the_hub_checks_its_hospitals_and_says_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "archive").mkdir()
    server = serve(Archive(tmp_path / "archive"), "NORTH", 0, {})
    config = tmp_path / "hub.toml"
    try:
        port = server.socket.getsockname()[1]
        config.write_text(SITE.format(name="north", port=port, ae="NORTH"), encoding="utf-8")
        assert main(["check", "--config", str(config)]) == 0
        assert "ok" in capsys.readouterr().out
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            text = SITE.format(name="west", port=closed.getsockname()[1], ae="WEST")
            text += SITE.format(name="north", port=port, ae="WRONG")
            config.write_text(text, encoding="utf-8")
            assert main(["check", "--config", str(config)]) == 1
        told = capsys.readouterr().out.splitlines()
        assert told[0].startswith("database: ")
        said = told[1:]
        assert ["FAILED" in line for line in said] == [True, True]
        assert "firewall" in said[0]
        assert "called_ae 'WRONG'" in said[1]
    finally:
        server.shutdown()


def test_a_list_without_hospitals_does_not_pass_as_working(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "hub.toml"
    config.write_text("", encoding="utf-8")
    assert main(["check", "--config", str(config)]) == 1
    assert "no [[site]]" in capsys.readouterr().out


def test_a_hub_that_would_not_start_for_want_of_tls_does_not_pass_the_check(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "hub.toml").write_text('[hub]\nlisten = "0.0.0.0:0"\n[auth]\naccounts = true\n', "utf-8")
    assert main(["check", "--config", str(tmp_path / "hub.toml")]) == 1
    assert "listen: " in (said := capsys.readouterr().out)
    assert "[tls] certificate and key are needed" in said
