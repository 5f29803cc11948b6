"""Units of pixel values (viewer.md §5.3): HU is never assumed for every CT."""

from __future__ import annotations

from viewer.records import InstanceHeader
from viewer.state.image_set import frame_header_of

UCUM_HU = "[hnsf'U]"
UCUM_NONE = "1"

_RESCALE_TYPES = {"HU": (UCUM_HU, "HU"), "HU_MOD": (UCUM_HU, "HU mod"), "US": (UCUM_NONE, "")}
_PET_UNITS = {
    "BQML": ("Bq/ml", "Bq/ml"),
    "CNTS": ("{counts}", "counts"),
    "CPS": ("{counts}/s", "counts/s"),
    "GML": ("g/ml", "g/ml"),
    "PROPCNTS": ("{propcounts}", "prop. counts"),
    "PCNT": ("%", "%"),
}


def value_unit(header: InstanceHeader, frame_index: int) -> tuple[str, str]:
    """(UCUM code, text) of modality values; ("1", "") where the header gives no unit.

    Rescale Type rules. A CT image without it is in HU (PS3.3 C.8.2.1.1.5) unless it is multi-energy or a localizer.
    """
    rescale_type = frame_header_of(header, frame_index).rescale_type.upper()
    if rescale_type in _RESCALE_TYPES:
        return _RESCALE_TYPES[rescale_type]
    if rescale_type:
        return UCUM_NONE, ""
    if header.modality == "PT":
        return _PET_UNITS.get(header.units.upper(), (UCUM_NONE, ""))
    if header.modality == "CT" and is_plain_ct(header, frame_index):
        return UCUM_HU, "HU"
    return UCUM_NONE, ""


def is_plain_ct(header: InstanceHeader, frame_index: int) -> bool:
    """An axial original CT image: neither a localizer nor a multi-energy or otherwise derived map."""
    image_type = frame_header_of(header, frame_index).image_type or header.image_type
    kinds = {value.upper() for value in image_type}
    odd = header.multi_energy or header.modality_lut is not None
    return not odd and "LOCALIZER" not in kinds and "DERIVED" not in kinds
