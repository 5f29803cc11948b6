"""Who holds a claim, as the issuer of his sign-in says it: two readers with one number stay two.

It stands beside number and name in the Actual Human Performers of the claim, written by the hub alone.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from typing import Any

from ups import dicom_json as dj
from ups.codes import SITE_SCHEME, Code
from ups.dicom_json import DicomJson

_LENGTH = 16
"""A Code Value has no more; 96 bits."""
_SEQUENCE = "PersonIdentificationCodeSequence"


def identity_of(subject: str) -> str:
    """Of who signed in (issuer and subject); "" of a desk that takes the reader's own word."""
    if not subject:
        return ""
    return base64.urlsafe_b64encode(hashlib.sha256(subject.encode()).digest()).decode()[:_LENGTH]


def with_identity(performer: DicomJson, identity: str) -> DicomJson:
    """An item of Actual Human Performers Sequence; the argument is changed."""
    if identity:
        dj.put_items(performer, _SEQUENCE, [Code(identity, SITE_SCHEME, "Account").item()])
    return performer


def identity_in(performer: Mapping[str, Any]) -> str:
    """Of an item of Actual Human Performers Sequence; "" where the claim was made without."""
    return dj.text(dj.first_item(performer, _SEQUENCE), "CodeValue")
