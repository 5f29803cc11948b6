"""Runs every benchmark of this folder and writes the table of `docs/performance.md`.

Each benchmark is a script that prints one JSON line: `{"benchmark": NAME, "figures": {...}}`; the rest goes to
standard error. A figure that has a goal in `GOALS` is marked as reached or missed, with the size of the miss.
"""

from __future__ import annotations

import json
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
    """The most that a figure may be."""

    most: float
    words: str


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
}


def main(names: list[str]) -> int:
    """Run all benchmarks, or those named; print their lines and write the table."""
    scripts = [path for path in sorted(HERE.glob("*.py")) if path.name != "all.py" and not path.name.startswith("_")]
    chosen = [path for path in scripts if not names or path.stem in names]
    results: dict[str, dict[str, float]] = {}
    for script in chosen:
        print(f"-- {script.stem}", file=sys.stderr, flush=True)
        done = subprocess.run([sys.executable, str(script)], stdout=subprocess.PIPE, text=True, check=False)
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
    verdict = "reached" if value <= goal.most else f"**missed** by {value / goal.most - 1:.0%}"
    return f"| {benchmark} | {words} (`{figure}`) | {value:g} | ≤ {goal.most:g} | {verdict} |"


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
