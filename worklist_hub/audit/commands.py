"""`worklist-hub audit verify | show | export`: reading the log is an audit line itself."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa

from worklist_hub.audit.chain import verify
from worklist_hub.audit.dicom_xml import Origin, audit_messages
from worklist_hub.audit.export import Line
from worklist_hub.audit.records import Action, AuditEvent
from worklist_hub.audit.tables import AUDIT_EVENTS, AUDIT_LINKS
from worklist_hub.config import ConfigError, HubConfig
from worklist_hub.operations.commands import audited, opened, operator
from worklist_hub.store.database import Database

_PAGE = 1000
Witness = dict[tuple[str, str, int], str]


def audit(config: HubConfig, arguments: Namespace) -> int:
    """Dispatch."""
    with opened(config) as database:
        with audited(config, database) as ledger:
            said = " ".join(f"{key}={value}" for key, value in sorted(_asked(arguments).items()))
            ledger.record(AuditEvent(Action.READ_AUDIT, operator(), query=said, text=arguments.what))
        return (
            _verify(database, arguments.against) if arguments.what == "verify" else _show(config, database, arguments)
        )


def _asked(arguments: Namespace) -> dict[str, str]:
    keys = ("patient", "reader", "study", "site", "since", "until", "format")
    return {key: str(value) for key in keys if (value := getattr(arguments, key, None))}


def _verify(database: Database, against: list[Path]) -> int:
    witness: Witness = {}
    for path in against:
        witness |= _witness(path)
    with database.reading.connect() as connection:
        found = verify(connection, witness)
    waiting = f"{found.unlinked} not chained yet" + (f" since {found.oldest_unlinked}" if found.unlinked else "")
    print(f"{found.chains} chains, {found.links} lines, {waiting}, {len(found.faults)} faults")
    for fault in found.faults:
        print(fault)
    return 1 if found.faults else 0


def _witness(path: Path) -> Witness:
    """Links as an export file holds them."""
    found: Witness = {}
    try:
        for text in path.read_text("utf-8").splitlines():
            chain = json.loads(text)["chain"]
            found[chain["process"], chain["day"], chain["seq"]] = chain["hash"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{path}: no export of the audit log: {error}") from error
    return found


def _show(config: HubConfig, database: Database, arguments: Namespace) -> int:
    has_shown = False
    for line in _lines(database, arguments):
        has_shown = True
        event = line.event.for_site(arguments.site) if arguments.site else line.event
        line = Line(line.process, line.day, line.seq, line.hash, event)
        if arguments.format == "json":
            print(line.as_json())
        elif arguments.format == "dicom":
            origin = Origin(config.ae_title, line.process, line.day, line.seq, line.hash, arguments.site or "")
            for message in audit_messages(event, origin):
                sys.stdout.write(f"{message.partition(b'?>')[2].decode().strip()}\n")
        else:
            print(as_text(event))
    if not has_shown:
        print("worklist-hub: no line of the audit log is of these", file=sys.stderr)
    return 0


def as_text(event: AuditEvent) -> str:
    """One line to read: when, who, what, about whom, why."""
    subject = event.subjects[0] if event.subjects else None
    about = f"{subject.patient} {subject.study_instance_uid} {subject.site_id}".strip() if subject else ""
    more = f" and {len(event.subjects) - 1} more" if len(event.subjects) > 1 else ""
    who = f"{event.actor.code} {event.actor.name}".strip() or event.actor.address or "unknown"
    behalf = f" for {event.actor.on_behalf_of}" if event.actor.on_behalf_of else ""
    outcome = "" if event.outcome == "0" else f" REFUSED({event.outcome})"
    rest = "; ".join(part for part in (event.query, event.reason, event.text) if part)
    line = f"{event.at}  {who}{behalf}  {event.action}{outcome}  {about}{more}  {rest}"
    return "".join(one if one.isprintable() else "?" for one in line).rstrip()


def _lines(database: Database, arguments: Namespace) -> Iterator[Line]:
    """In order of time; also what no chain holds yet (seq 0)."""
    joined = AUDIT_EVENTS.outerjoin(
        AUDIT_LINKS,
        sa.and_(
            AUDIT_LINKS.c.event_process == AUDIT_EVENTS.c.process, AUDIT_LINKS.c.event_number == AUDIT_EVENTS.c.number
        ),
    )
    links = (AUDIT_LINKS.c.process, AUDIT_LINKS.c.day, AUDIT_LINKS.c.seq, AUDIT_LINKS.c.hash)
    query = sa.select(AUDIT_EVENTS.c.body, *links).select_from(joined)
    query = query.order_by(AUDIT_EVENTS.c.at, AUDIT_EVENTS.c.process, AUDIT_EVENTS.c.number)
    for condition in _conditions(arguments):
        query = query.where(condition)
    with database.reading.connect() as connection:
        for body, process, day, seq, hash_ in connection.execute(query).yield_per(_PAGE):
            event = AuditEvent.from_text(body)
            if not arguments.site or arguments.site in event.sites:
                yield Line(process or "", day or "", seq or 0, hash_ or "", event)


def _conditions(arguments: Namespace) -> Iterator[sa.ColumnElement[bool]]:
    if arguments.patient:
        # A search that named him among others has him in its body only.
        number = json.dumps(arguments.patient.rpartition("|")[2], ensure_ascii=False)
        named = AUDIT_EVENTS.c.body.contains(f'"patient_id":{number}', autoescape=True)
        yield sa.or_(AUDIT_EVENTS.c.patient == arguments.patient, named)
    if arguments.reader:
        yield AUDIT_EVENTS.c.reader == arguments.reader
    if arguments.study:
        yield AUDIT_EVENTS.c.study_instance_uid == arguments.study
    if arguments.since:
        yield AUDIT_EVENTS.c.at >= arguments.since
    if arguments.until:
        yield AUDIT_EVENTS.c.at < arguments.until
