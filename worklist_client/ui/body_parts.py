"""Body parts in words: the defined terms of Body Part Examined (PS3.16 annex L), for display only."""

from __future__ import annotations

from worklist_client.settings.language import Translator

BODY_PART_TITLES = {
    "ABDOMEN": "Abdomen",
    "ABDOMENPELVIS": "Abdomen and pelvis",
    "ANKLE": "Ankle",
    "AORTA": "Aorta",
    "ARM": "Arm",
    "BLADDER": "Bladder",
    "BRAIN": "Brain",
    "BREAST": "Breast",
    "CHEST": "Chest",
    "CHESTABDOMEN": "Chest and abdomen",
    "CHESTABDPELVIS": "Chest, abdomen and pelvis",
    "CLAVICLE": "Clavicle",
    "COLON": "Colon",
    "CSPINE": "Cervical spine",
    "EAR": "Ear",
    "ELBOW": "Elbow",
    "EXTREMITY": "Extremity",
    "EYE": "Eye",
    "FEMUR": "Femur",
    "FINGER": "Finger",
    "FOOT": "Foot",
    "FOREARM": "Forearm",
    "HAND": "Hand",
    "HEAD": "Head",
    "HEADNECK": "Head and neck",
    "HEART": "Heart",
    "HIP": "Hip",
    "HUMERUS": "Humerus",
    "JAW": "Jaw",
    "KIDNEY": "Kidney",
    "KNEE": "Knee",
    "LEG": "Leg",
    "LIVER": "Liver",
    "LSPINE": "Lumbar spine",
    "LUNG": "Lung",
    "NECK": "Neck",
    "NECKCHEST": "Neck and chest",
    "ORBIT": "Orbit",
    "PANCREAS": "Pancreas",
    "PELVIS": "Pelvis",
    "PROSTATE": "Prostate",
    "RIB": "Ribs",
    "SHOULDER": "Shoulder",
    "SINUS": "Sinuses",
    "SKULL": "Skull",
    "SPINE": "Spine",
    "SSPINE": "Sacrum",
    "TSPINE": "Thoracic spine",
    "THUMB": "Thumb",
    "THYROID": "Thyroid",
    "TOE": "Toe",
    "UTERUS": "Uterus",
    "WHOLEBODY": "Whole body",
    "WRIST": "Wrist",
}
"""Defined term -> English words, which are the key of their translation."""


def body_part_text(term: str, tr: Translator) -> str:
    """The words of a defined term; anything else as it was sent, in ordinary letters."""
    title = BODY_PART_TITLES.get(term.strip().upper().replace(" ", "").replace("_", ""))
    return tr(title) if title is not None else term.strip().capitalize()
