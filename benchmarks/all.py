"""Runs every benchmark of this folder and writes the table of `docs/performance.md`.

Each benchmark is a script that prints one JSON line: `{"benchmark": NAME, "figures": {...}}`; the rest goes to
standard error. A figure that has a goal in `GOALS` is marked as reached or missed, with the size of the miss.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
TABLE = HERE.parent / "docs" / "performance.md"
BEGIN, END = "<!-- figures: made by benchmarks/all.py -->", "<!-- end of figures -->"


@dataclass(frozen=True)
class Goal:
    """The most that a figure may be; with `is_least`, the least."""

    limit: float
    words: str
    is_least: bool = False

    def verdict(self, value: float) -> str:
        """Reached, or missed and by how much."""
        if value >= self.limit if self.is_least else value <= self.limit:
            return "reached"
        return f"**missed** by {abs(value / self.limit - 1):.0%}" if self.limit else "**missed**"


GOALS = {
    ("cold_start", "usable_worklist_s"): Goal(2.0, "cold start to usable worklist"),
    ("open_study", "dicomweb_first_image_ms"): Goal(300, "double-click to first image, DICOMweb"),
    ("open_study", "c_get_first_image_ms"): Goal(300, "double-click to first image, C-GET"),
    ("open_study", "dicomweb_ready_over_curl"): Goal(4.0, "250 slices ready to scroll over curl's time, DICOMweb"),
    ("open_study", "c_get_ready_over_getscu"): Goal(2.0, "250 slices ready to scroll over getscu's time, C-GET"),
    ("open_study", "dicomweb_longest_stall_ms"): Goal(50, "longest stall of the UI thread while loading, DICOMweb"),
    ("open_study", "c_get_longest_stall_ms"): Goal(50, "longest stall of the UI thread while loading, C-GET"),
    ("open_study", "dicomweb_memory_over_decoded"): Goal(1.5, "growth of memory (PSS) over decoded size, DICOMweb"),
    ("open_study", "c_get_memory_over_decoded"): Goal(1.5, "growth of memory (PSS) over decoded size, C-GET"),
    ("scroll_step", "software_one_p95_ms"): Goal(16, "scroll step p95, software, one 1582×982 view"),
    ("scroll_step", "software_2x2_p95_ms"): Goal(20, "scroll step p95, software, 2×2"),
    ("claim_seen", "p95_ms"): Goal(500, "claim to seen on a second client, p95"),
    ("hub_claims", "postgresql_claims_a_second"): Goal(300, "claims a second, two hubs on PostgreSQL", is_least=True),
    ("hub_claims", "postgresql_of_raw"): Goal(0.05, "the same over the bare compare-and-set", is_least=True),
    ("hub_claims", "postgresql_p99_ms"): Goal(150, "claim p99, 50 clients at 200 a second, PostgreSQL"),
    ("hub_claims", "sqlite_claims_a_second"): Goal(300, "claims a second, one hub on SQLite", is_least=True),
    ("hub_claims", "sqlite_of_raw"): Goal(0.05, "the same over the bare compare-and-set", is_least=True),
    ("hub_claims", "sqlite_p99_ms"): Goal(150, "claim p99, 50 clients at 200 a second, SQLite"),
    ("hub_list", "postgresql_p95_ms"): Goal(100, "filtered list, first 200, a million of history, p95, PostgreSQL"),
    ("hub_list", "postgresql_restart_s"): Goal(5, "start to first list answered, PostgreSQL"),
    ("hub_list", "postgresql_growth"): Goal(2, "list from 10⁴ to 10⁶ of history, factor, PostgreSQL"),
    ("hub_list", "sqlite_p95_ms"): Goal(100, "filtered list, first 200, a million of history, p95, SQLite"),
    ("hub_list", "sqlite_restart_s"): Goal(5, "start to first list answered, SQLite"),
    ("hub_list", "sqlite_growth"): Goal(2, "list from 10⁴ to 10⁶ of history, factor, SQLite"),
    ("hub_events", "p95_ms"): Goal(500, "claim to seen, 300 subscribers on two hubs, p95"),
    ("hub_events", "not_seen"): Goal(0, "events that never came"),
    ("hub_events", "missed_after_reconnects"): Goal(0, "changes missed over all reconnects"),
    ("hub_events", "reconnects"): Goal(1000, "reconnects forced", is_least=True),
    ("hub_intake", "postgresql_sustained_a_second"): Goal(
        50, "new studies a second, sustained, PostgreSQL", is_least=True
    ),
    ("hub_intake", "postgresql_seen_p95_ms"): Goal(1000, "seen by a poll to its event, p95, 60 a second, PostgreSQL"),
    ("hub_intake", "sqlite_sustained_a_second"): Goal(50, "new studies a second, sustained, SQLite", is_least=True),
    ("hub_intake", "sqlite_seen_p95_ms"): Goal(1000, "seen by a poll to its event, p95, 60 a second, SQLite"),
}


def main(names: list[str]) -> int:
    """Run all benchmarks, or those named; print their lines and write the table."""
    scripts = [path for path in sorted(HERE.glob("*.py")) if path.name != "all.py" and not path.name.startswith("_")]
    chosen = [path for path in scripts if not names or path.stem in names]
    results: dict[str, dict[str, float]] = {}
    path = os.pathsep.join(filter(None, [str(HERE.parent), os.environ.get("PYTHONPATH", "")]))
    found = {**os.environ, "PYTHONPATH": path}  # a script finds its own folder only
    for script in chosen:
        print(f"-- {script.stem}", file=sys.stderr, flush=True)
        done = subprocess.run([sys.executable, str(script)], stdout=subprocess.PIPE, text=True, check=False, env=found)
        lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
        if done.returncode != 0 or not lines:
            print(f"{script.stem} failed with status {done.returncode}", file=sys.stderr)
            return 1
        print(lines[-1], flush=True)
        line = json.loads(lines[-1])
        results[line["benchmark"]] = line["figures"]
    if not names:
        write_table(results)
    return 0


def row(benchmark: str, figure: str, value: float) -> str:
    """One line of the table."""
    goal = GOALS.get((benchmark, figure))
    words = goal.words if goal else figure.replace("_", " ")
    if goal is None:
        return f"| {benchmark} | {words} | {value:g} | | |"
    sign = "≥" if goal.is_least else "≤"
    return f"| {benchmark} | {words} (`{figure}`) | {value:g} | {sign} {goal.limit:g} | {goal.verdict(value)} |"


def write_table(results: dict[str, dict[str, float]]) -> None:
    """Put the figures between the marks of `docs/performance.md`."""
    rows = [row(name, figure, value) for name, figures in results.items() for figure, value in figures.items()]
    head = ["| benchmark | figure | value | goal | |", "|---|---|---|---|---|"]
    machine = f"Python {platform.python_version()}, {platform.system()} {platform.machine()}."
    table = "\n".join([BEGIN, "", machine, "", *head, *rows, "", END])
    text = TABLE.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    TABLE.write_text(before + table + rest.split(END)[1], encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
