"""The fields of the corner texts of one shown frame. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from viewer.dicom.pixels import AUTO_EXPLANATION
from viewer.geometry.orientation import EdgeLetters, edge_letters, letters
from viewer.geometry.plane import ImagePlane
from viewer.records import InstanceHeader, Lut, Window
from viewer.state.image_set import ImageFrame
from viewer.state.view import ViewPresentation

Translate = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class ShownFrame:
    """One frame as a viewport shows it; what the texts are made of."""

    frame: ImageFrame
    number: int
    """1-based place in the stack."""
    count: int
    voi: Window | Lut | None
    inverted: bool
    smooth: bool
    magnification: float
    link: str = ""
    block: str = ""
    plane: ImagePlane | None = None


def number(value: float) -> str:
    """Short: no digits that mean nothing."""
    return f"{value:.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.1f}"


def window_text(voi: Window | Lut | None, inverted: bool, tr: Translate) -> str:
    """Center and width with where they come from."""
    if voi is None:
        text = ""
    elif isinstance(voi, Lut):
        text = tr("Table {name}").format(name=voi.explanation).strip()
    else:
        text = tr("C {center}  W {width}").format(center=number(voi.center), width=number(voi.width))
        if voi.explanation == AUTO_EXPLANATION:
            text = f"{tr('auto')}  {text}"
        elif voi.explanation:
            text = f"{tr(voi.explanation)}  {text}"
    return "  ".join(part for part in (tr("inverted") if inverted else "", text) if part)


def block_text(label: str, tr: Translate) -> str:
    """What tells a block of a split series from the others ("echo 2, phase 1"), each part translated."""
    return ", ".join(tr(part) for part in label.split(", ")) if label else ""


def with_block(description: str, block: str) -> str:
    """Series description and block; a word that ends the description already ("Thorax PA", PA) is not said twice."""
    said = description.lower().split()
    words = block.lower().split()
    return description if words and said[-len(words) :] == words else " ".join(p for p in (description, block) if p)


def lossy_text(header: InstanceHeader, tr: Translate) -> str:
    """Lossy compression with its ratio, from the image's own tags."""
    if not header.lossy:
        return ""
    if header.lossy_ratio is not None:
        return tr("Lossy {ratio}:1").format(ratio=number(header.lossy_ratio))
    return tr("Lossy")


def corner_fields(shown: ShownFrame, tr: Translate) -> dict[str, str]:
    """Value of every field that `corner_texts.FIELDS` names; empty where the header is silent."""
    header, frame = shown.frame.header, shown.frame.frame_header
    fields = {
        "series_number": "" if header.series_number is None else str(header.series_number),
        "series_description": with_block(header.series_description, shown.block),
        "body_part": header.body_part,
        "protocol": header.protocol_name if header.protocol_name != header.series_description else "",
        "acquisition": "" if header.acquisition_number is None else str(header.acquisition_number),
        "kernel": header.convolution_kernel,
        "content_time": _clock(header.content_time),
        "image_number": str(shown.number),
        "image_count": str(shown.count),
        "matrix": f"{header.columns} × {header.rows}",
        "window": window_text(shown.voi, shown.inverted, tr),
        "zoom": tr("Zoom {percent} %").format(percent=round(shown.magnification * 100)),
        "interpolation": tr("smooth") if shown.smooth and shown.magnification != 1 else tr("exact pixels"),
        "lossy": lossy_text(header, tr),
        "link": shown.link,
    }
    if shown.plane is not None and shown.count > 1:
        fields["position"] = tr("Position {mm} mm").format(mm=number(shown.plane.depth_mm))
    if frame.slice_thickness_mm:
        fields["thickness"] = tr("Thickness {mm} mm").format(mm=number(frame.slice_thickness_mm))
    return fields


def _clock(dicom_time: str) -> str:
    digits = dicom_time.split(".")[0]
    return f"{digits[:2]}:{digits[2:4]}:{digits[4:6]}" if len(digits) >= 6 and digits.isdigit() else ""


def orientation(frame: ImageFrame, view: ViewPresentation) -> EdgeLetters | None:
    """Letters at the edges, computed from what is displayed, never stored; None where the header says nothing."""
    facts = frame.frame_header
    if facts.row_cosines is not None and facts.column_cosines is not None:
        return letters(facts.row_cosines, facts.column_cosines, view.rotation_deg, view.flipped)
    patient = frame.header.patient_orientation
    if len(patient) == 2 and all(patient):
        return edge_letters(patient[0], patient[1], view.rotation_deg, view.flipped)
    return None
