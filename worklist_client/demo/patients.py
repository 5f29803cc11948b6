"""Who is in the demo region: fictitious people, their numbers at each hospital, their studies. Plain data.

The national numbers pass the eleven test and lie in the range that Dutch test systems use; nobody has them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "ct_head", "ct_head_bleed", "ct_chest", "ct_chest_thin", "ct_abdomen_small", "ct_abdomen_grown", "cr_chest",
    "cr_hand", "mr_brain", "us_heart",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class DemoSite:
    """One fictitious hospital."""

    site_id: str
    name: str
    color: str
    issuer: str


SITES = (
    DemoSite("north", "Noorderziekenhuis", "#4FA3E0", "NOORD"),
    DemoSite("south", "Zuidland Medisch Centrum", "#E0A14F", "ZUID"),
    DemoSite("west", "Westkust Ziekenhuis", "#5FBF8F", "WEST"),
)


@dataclass(frozen=True, slots=True)
class DemoStudy:
    """One study. `hours_ago` counts back from the making of the demo; `question` is the request of the referrer."""

    site_id: str
    patient_id: str
    kind: Kind
    hours_ago: float
    description: str
    body_part: str
    question: str
    accession: str
    arrives_later: bool = False


@dataclass(frozen=True, slots=True)
class DemoPatient:
    """One fictitious person. `national_id_at` names the hospitals whose PACS carries the national number."""

    name: str
    birth_date: str
    sex: str
    national_id: str
    national_id_at: tuple[str, ...]
    studies: tuple[DemoStudy, ...]


def _study(site: str, pid: str, kind: Kind, hours: float, words: tuple[str, str, str], acc: str) -> DemoStudy:
    return DemoStudy(site, pid, kind, hours, *words, acc, arrives_later=hours == 0)


ALL = ("north", "south", "west")
DAY, MONTH = 24.0, 730.0
HEAD = ("CT schedel", "HEAD", "Val van trap, gebruikt antistolling. Bloeding?")
CHEST = ("CT thorax", "CHEST", "Hoesten en gewichtsverlies. Afwijkingen?")
ABDOMEN = ("CT abdomen portaal veneus", "ABDOMEN", "Bekende levermetastasen. Groei?")
ABDOMEN_OLD = ("CT abdomen portaal veneus", "ABDOMEN", "Stadiëring colorectaal carcinoom.")
XCHEST = ("X-thorax", "CHEST", "Koorts en kortademigheid. Infiltraat?")
XHAND = ("X-hand rechts", "HAND", "Stomp trauma pink. Fractuur?")
BRAIN = ("MRI hersenen", "BRAIN", "Hoofdpijn sinds zes weken. Ruimte-innemend proces?")
ECHO = ("Echo hart", "HEART", "Souffle. Kamerfunctie?")

PATIENTS = (
    DemoPatient("Veenstra^Hendrik", "19520314", "M", "999990019", ALL, (
        _study("north", "N104417", "ct_abdomen_grown", 1.5, ABDOMEN, "N26-70112"),
        _study("south", "0048213", "ct_abdomen_small", 4 * MONTH, ABDOMEN_OLD, "Z26-1181"),
    )),
    DemoPatient("Broek^Johanna^^van den", "19610722", "F", "999990020", ("west",), (
        _study("west", "W55120", "ct_abdomen_grown", 2.6, ABDOMEN, "W-260918"),
        _study("north", "N100871", "ct_abdomen_small", 5 * MONTH, ABDOMEN_OLD, "N26-31877"),
    )),
    DemoPatient("Bakker^Pieter", "19580101", "M", "999990032", ALL, (
        _study("south", "0051170", "ct_abdomen_grown", 3.2, ABDOMEN, "Z26-8842"),
    )),
    DemoPatient("Bakker^Petra", "19580101", "F", "999990044", ALL, (
        _study("west", "W40071", "ct_abdomen_small", 6 * MONTH, ABDOMEN_OLD, "W-260101"),
    )),
    DemoPatient("Őry^Ilona", "19470509", "F", "999990056", ALL, (
        _study("north", "N118802", "ct_head_bleed", 0.4, HEAD, "N26-70140"),
        _study("north", "N118802", "ct_head", 14 * MONTH, HEAD, "N25-20377"),
    )),
    DemoPatient("Jansen^Willem^^^", "19390228", "M", "999990068", ALL, (
        _study("south", "0049900", "ct_head", 0, HEAD, "Z26-8850"),
    )),
    DemoPatient("Семёнов^Андрей", "19840417", "M", "999990081", ALL, (
        _study("west", "W61204", "ct_chest_thin", 2.1, CHEST, "W-260921"),
        _study("south", "0039002", "cr_chest", 2 * MONTH, XCHEST, "Z26-6120"),
    )),
    DemoPatient("Dijkstra^Anneke", "19720930", "F", "999990093", ALL, (
        _study("north", "N120044", "ct_chest", 4.5, CHEST, "N26-70087"),
        _study("north", "N120044", "cr_chest", 3 * MONTH, XCHEST, "N26-40018"),
    )),
    DemoPatient("Smit^Karel", "19660611", "M", "999990111", ("south",), (
        _study("south", "0044120", "ct_head", 5.2, HEAD, "Z26-8811"),
    )),
    DemoPatient("Meijer^Sophie", "19991204", "F", "999990123", ALL, (
        _study("west", "W60018", "cr_hand", 1.1, XHAND, "W-260925"),
    )),
    DemoPatient("Visser^Bram", "20081017", "M", "999990135", ALL, (
        _study("north", "N131200", "cr_hand", 0.8, XHAND, "N26-70133"),
    )),
    DemoPatient("Boer^Maria^^de", "19450819", "F", "999990147", ALL, (
        _study("south", "0031187", "cr_chest", 2.2, XCHEST, "Z26-8839"),
        _study("west", "W20114", "cr_chest", 9 * MONTH, XCHEST, "W-251204"),
    )),
    DemoPatient("Mulder^Johannes", "19510126", "M", "999990159", ALL, (
        _study("west", "W33107", "cr_chest", 6.5, XCHEST, "W-260907"),
    )),
    DemoPatient("Groot^Eva^^de", "19880313", "F", "999990160", ALL, (
        _study("north", "N125518", "mr_brain", 7.0, BRAIN, "N26-70061"),
        _study("south", "0046671", "mr_brain", 8 * MONTH, BRAIN, "Z26-0217"),
    )),
    DemoPatient("Bos^Gerrit", "19560705", "M", "999990172", ALL, (
        _study("south", "0050412", "mr_brain", 9.0, BRAIN, "Z26-8790"),
    )),
    DemoPatient("Vos^Lieke", "19930625", "F", "999990184", (), (
        _study("west", "W61377", "us_heart", 3.6, ECHO, "W-260915"),
    )),
    DemoPatient("Peters^Rob", "19630218", "M", "999990196", ALL, (
        _study("north", "N109931", "us_heart", 10.0, ECHO, "N26-70022"),
    )),
    DemoPatient("Hendriks^Tineke", "19490403", "F", "999990202", ALL, (
        _study("south", "0012345", "ct_chest", 11.0, CHEST, "Z26-8771"),
    )),
    DemoPatient("Dekker^Sjoerd", "19700512", "M", "999990214", ALL, (
        _study("west", "0012345", "cr_chest", 12.0, XCHEST, "W-260889"),
    )),
    DemoPatient("Brouwer^Nina", "20030808", "F", "999990226", ALL, (
        _study("north", "N130077", "cr_chest", 13.0, XCHEST, "N26-70003"),
    )),
)  # fmt: skip
