"""Scroll step of the viewer: one 1582×982 view and 2×2, both render paths; prints one JSON line.

A step = from the command to the picture painted and handed to the display, event loop included; CPU = all threads of
the process a step. Needs a display (Xvfb will do; then OpenGL is drawn by the processor, and the line says so).
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from _region import await_quiet, display, say
from PySide6.QtCore import QEventLoop
from PySide6.QtWidgets import QApplication

from viewer.dicom.pixels import AUTO_EXPLANATION
from viewer.records import FrameHeader, InstanceHeader, PatientLabel, PixelFile, Window
from viewer.render.gl_format import probe
from viewer.tasks import TaskRunner
from viewer.ui.labels import StudyLabel
from viewer.ui.viewer_widget import ViewerWidget

CANVAS = (1582, 982)
STUDY = "2.25.1"
WARM_UP = 20
PATIENCE_S = 5.0


def synthetic_ct(folder: Path, series: int, slices: int) -> list[InstanceHeader]:
    """512² 16-bit slices with noise, in one raw file; headers as the ingest would make them."""
    path = folder / f"series{series}.raw"
    rng = np.random.default_rng(series)
    with path.open("wb") as file:
        for number in range(slices):
            rows, columns = np.mgrid[-1:1:512j, -1:1:512j]
            body = np.where(rows**2 + columns**2 < 0.6 + 0.2 * np.sin(number / 20), 40, -1000)
            file.write((body + rng.normal(0, 12, (512, 512))).astype("<i2").tobytes())
    return [_header(path, series, number) for number in range(slices)]


def _header(path: Path, series: int, number: int) -> InstanceHeader:
    frame = FrameHeader(
        frame_number=1,
        position_lps_mm=(-180.0, -180.0, number * 1.25),
        row_cosines=(1.0, 0.0, 0.0),
        column_cosines=(0.0, 1.0, 0.0),
        pixel_spacing_mm=(0.7, 0.7),
        windows=(Window(40, 400),),
        rescale_type="HU",
        slice_thickness_mm=1.25,
    )
    return InstanceHeader(
        study_instance_uid=STUDY,
        series_instance_uid=f"2.25.1.{series}",
        sop_instance_uid=f"2.25.1.{series}.{number}",
        sop_class_uid="1.2.840.10008.5.1.4.1.1.2",
        transfer_syntax_uid="1.2.840.10008.1.2.1",
        path=str(path),
        pixels=PixelFile(str(path), number * 512 * 512 * 2, "int16", "MONOCHROME2"),
        rows=512,
        columns=512,
        bits_allocated=16,
        bits_stored=16,
        high_bit=15,
        pixel_representation=1,
        frames=(frame,),
        patient=PatientLabel("Phantom^Scroll", "1", "BENCH", "19700101", "O"),
        modality="CT",
        study_date="20240101",
        series_number=series,
        series_description="Scroll",
        instance_number=number + 1,
        frame_of_reference_uid="2.25.1.99",
    )


def measure(app: QApplication, path: str, shape: tuple[int, int], headers: list[InstanceHeader], steps: int) -> Any:
    """p50, p95 and CPU of a step in milliseconds, or why it could not be measured."""
    runner = TaskRunner()
    viewer = ViewerWidget(runner, render_path=path)
    viewer.set_layout(*shape)
    viewer.set_study(STUDY, StudyLabel("Benchmark"))
    viewer.resize(*CANVAS)
    viewer.show()
    _settle(app, 0.3)
    _give_canvas_the_size(app, viewer, shape)
    viewer.arrived(headers)
    for series in {header.series_instance_uid for header in headers}:
        viewer.expect(STUDY, series, sum(header.series_instance_uid == series for header in headers))
        viewer.complete(STUDY, series)
    _settle(app, 1.0)
    for place in range(shape[0] * shape[1]):
        viewer.show_series(place, STUDY, f"2.25.1.{place + 1}")
    _settle(app, 0.5)
    used = viewer.render_path()
    painted: set[str] = set()
    viewer.frame_shown.connect(lambda state: painted.add(state.frame.sop_instance_uid))
    views = shape[0] * shape[1]
    turn = len(headers) // 4 - 1  # up and down between the ends, so that every step is one
    walls, cpus = [], []
    for step in range(steps + WARM_UP):
        painted.clear()
        wall, cpu = time.perf_counter(), time.process_time()
        viewer.perform("scroll.next" if step % (2 * turn) < turn else "scroll.previous")
        while len(painted) < views and time.perf_counter() - wall < PATIENCE_S:
            app.processEvents(QEventLoop.ProcessEventsFlag.AllEvents)
        if step >= WARM_UP:
            walls.append((time.perf_counter() - wall) * 1e3)
            cpus.append((time.process_time() - cpu) * 1e3)
    size = viewer.desk.grid.viewports[0].canvas_px()
    viewer.close_down()
    viewer.close()
    viewer.deleteLater()
    _settle(app, 0.1)
    runner.shutdown()
    if used != path:
        return {"not_measured": f"{path} fell back to {used}"}
    return {
        "p50_ms": round(statistics.median(walls), 2),
        "p95_ms": round(statistics.quantiles(walls, n=20)[18], 2),
        "max_ms": round(max(walls), 2),
        "cpu_ms": round(statistics.mean(cpus), 2),
        "canvas_px": size,
    }


def _give_canvas_the_size(app: QApplication, viewer: ViewerWidget, shape: tuple[int, int]) -> None:
    """One view: exactly 1582×982 of canvas. 2×2: the four together in that space."""
    width, height = viewer.desk.grid.viewports[0].canvas_px()
    if shape == (1, 1):
        viewer.resize(viewer.width() + CANVAS[0] - width, viewer.height() + CANVAS[1] - height)
    else:
        viewer.resize(viewer.width() + CANVAS[0] - viewer.desk.grid.width(), CANVAS[1])
    _settle(app, 0.2)


def _settle(app: QApplication, seconds: float) -> None:
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        app.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 20)


def main() -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--slices", type=int, default=120)
    chosen = parser.parse_args()
    with display():
        print(
            json.dumps({"benchmark": "scroll_step", "figures": run(chosen.steps, chosen.slices)}), file=sys.__stdout__
        )
    return 0


def run(steps: int, slices: int) -> dict[str, float]:
    """Both render paths, one view and four."""
    app = QApplication.instance() or QApplication(sys.argv[:1])
    assert isinstance(app, QApplication)
    assert AUTO_EXPLANATION  # the pixel path is imported before the clock runs
    figures: dict[str, float] = {}
    print(f"   OpenGL is drawn by: {probe().renderer}", file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        headers = [header for n in range(1, 5) for header in synthetic_ct(Path(folder), n, slices)]
        for path in ("software", "vtk"):
            for name, shape in (("one", (1, 1)), ("2x2", (2, 2))):
                await_quiet()
                measured = measure(app, path, shape, headers, steps)
                say(f"{path} {name}: {measured}")
                figures |= {f"{path}_{name}_{key}": value for key, value in measured.items() if key.endswith("_ms")}
    app.shutdown()  # before the display goes
    return figures


if __name__ == "__main__":
    raise SystemExit(main())
