"""The schema, as numbered steps. A step that was released is never edited; a change is a new step at the end."""

from __future__ import annotations

_FIRST = (
    """CREATE TABLE claims (
        transaction_uid TEXT PRIMARY KEY,
        workitem_uid TEXT NOT NULL,
        state TEXT NOT NULL,
        asked_at TEXT NOT NULL,
        changed_at TEXT NOT NULL,
        site_id TEXT NOT NULL,
        study_instance_uid TEXT NOT NULL,
        holder TEXT NOT NULL,
        reason TEXT NOT NULL,
        outputs TEXT NOT NULL,
        is_open INTEGER NOT NULL
    ) STRICT""",
    "CREATE UNIQUE INDEX one_open_claim ON claims (workitem_uid) WHERE is_open = 1",
    """CREATE TABLE drafts (
        draft_uid TEXT PRIMARY KEY,
        workitem_uid TEXT NOT NULL,
        site_id TEXT NOT NULL,
        study_instance_uid TEXT NOT NULL,
        patient_issuer TEXT NOT NULL,
        patient_id TEXT NOT NULL,
        content TEXT NOT NULL,
        revision INTEGER NOT NULL,
        saved_at TEXT NOT NULL,
        state TEXT NOT NULL,
        reason TEXT NOT NULL,
        created_at TEXT NOT NULL
    ) STRICT""",
    "CREATE UNIQUE INDEX one_editable_draft ON drafts (workitem_uid) WHERE state = 'EDITING'",
    """CREATE TABLE packages (
        report_id TEXT PRIMARY KEY,
        workitem_uid TEXT NOT NULL,
        site_id TEXT NOT NULL,
        study_instance_uid TEXT NOT NULL,
        patient_issuer TEXT NOT NULL,
        patient_id TEXT NOT NULL,
        accession_number TEXT NOT NULL,
        text TEXT NOT NULL,
        signed_at TEXT NOT NULL,
        stat INTEGER NOT NULL,
        state TEXT NOT NULL,
        reached TEXT NOT NULL,
        reason TEXT NOT NULL,
        tries INTEGER NOT NULL,
        next_attempt TEXT,
        changed_at TEXT NOT NULL,
        draft_uid TEXT NOT NULL
    ) STRICT""",
    "CREATE UNIQUE INDEX one_report ON packages (workitem_uid) WHERE state <> 'WITHDRAWN'",
    """CREATE TABLE objects (
        sop_instance_uid TEXT PRIMARY KEY,
        report_id TEXT NOT NULL REFERENCES packages (report_id),
        position INTEGER NOT NULL,
        kind TEXT NOT NULL,
        sop_class_uid TEXT NOT NULL,
        series_instance_uid TEXT NOT NULL,
        study_instance_uid TEXT NOT NULL,
        transfer_syntax_uid TEXT NOT NULL,
        content_sha256 TEXT NOT NULL,
        file_sha256 TEXT NOT NULL,
        data BLOB NOT NULL,
        state TEXT NOT NULL,
        proof TEXT NOT NULL,
        UNIQUE (report_id, position)
    ) STRICT""",
    """CREATE TABLE audit (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        at TEXT NOT NULL,
        event TEXT NOT NULL,
        reader_code TEXT NOT NULL,
        site_id TEXT NOT NULL,
        study_instance_uid TEXT NOT NULL,
        patient_issuer TEXT NOT NULL,
        patient_id TEXT NOT NULL,
        workitem_uid TEXT NOT NULL,
        reason TEXT NOT NULL,
        details TEXT NOT NULL,
        previous_hash TEXT NOT NULL,
        line_hash TEXT NOT NULL,
        sent INTEGER NOT NULL DEFAULT 0
    ) STRICT""",
    """CREATE TABLE links (
        workitem_uid TEXT NOT NULL,
        left_issuer TEXT NOT NULL,
        left_patient_id TEXT NOT NULL,
        right_issuer TEXT NOT NULL,
        right_patient_id TEXT NOT NULL,
        verdict TEXT NOT NULL,
        identifiers TEXT NOT NULL,
        evidence TEXT NOT NULL,
        reader_code TEXT NOT NULL,
        confirmed_at TEXT NOT NULL,
        PRIMARY KEY (workitem_uid, left_issuer, left_patient_id, right_issuer, right_patient_id)
    ) STRICT""",
)

_SEND_BESIDE = ("ALTER TABLE packages ADD COLUMN beside TEXT NOT NULL DEFAULT ''",)
"""SOP Instance UIDs of reports by others that the reader chose to send beside."""

_DOCUMENTS = ("ALTER TABLE claims ADD COLUMN documents TEXT",)
"""SOP Instance UIDs of what the hospital held in words at the first opening; NULL until it has said."""

MIGRATIONS: tuple[tuple[str, ...], ...] = (_FIRST, _SEND_BESIDE, _DOCUMENTS)
"""Step n brings schema n-1 to n, in one transaction."""
