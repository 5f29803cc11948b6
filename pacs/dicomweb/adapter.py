"""`pacs.port.Pacs` over DICOMweb. Each call is a short conversation of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from urllib.parse import quote

from pacs.credentials import Credentials
from pacs.dicomweb.answers import (
    FLAG_TAGS,
    Dicom,
    datasets,
    flags,
    instance_answer,
    patient,
    series_answer,
    study_answer,
)
from pacs.dicomweb.http import HttpSession
from pacs.dicomweb.stow import batches, store_batch
from pacs.dicomweb.wado import retrieve_objects
from pacs.errors import Interrupted, NotFound
from pacs.files import check_uid
from pacs.metadata import PatientOfStudy
from pacs.port import (
    Cancelled,
    InstanceAnswer,
    Received,
    Retrieved,
    RetrieveRequest,
    SeriesAnswer,
    StoreObject,
    StoreOutcome,
    StoreState,
    StudyAnswer,
    StudyQuery,
)
from pacs.receipt import Receipt
from pacs.reports import Flags
from pacs.site import DicomwebConnection

_JSON = "application/dicom+json"
_STUDY_FIELDS = (
    "00081030",
    "00080061",
    "00080080",
    "00081010",
    "00100021",
    "00101002",
    "00180015",
    "00201206",
    "00201208",
)
_SERIES_FIELDS = ("0008103E", "00180015", "00201209")
_INSTANCE_FIELDS = ("00080016", "00280008")
_MAX_PAGES = 1000
_FEW = 0.5
"""Below this share of a series, what is missing is fetched one by one; above it the whole series is."""


class DicomwebPacs:
    """One DICOMweb connection."""

    def __init__(self, connection: DicomwebConnection, credentials: Credentials) -> None:
        self._connection = connection
        self._credentials = credentials

    def echo(self, cancelled: Cancelled) -> None:
        """The smallest QIDO-RS search."""
        with self._open(cancelled) as session:
            _search(session, "/studies", [("limit", "1")], limit=1)

    def search_for_studies(self, query: StudyQuery, cancelled: Cancelled) -> list[StudyAnswer]:
        """QIDO-RS for studies. Judge the answers by their values: a peer may ignore any key."""
        keys = [
            ("PatientID", query.patient_id),
            ("PatientName", query.patient_name),
            ("PatientBirthDate", query.patient_birth_date),
            ("StudyDate", query.study_date),
            ("StudyInstanceUID", query.study_instance_uid),
            ("AccessionNumber", query.accession_number),
            ("ModalitiesInStudy", query.modality),
        ]
        parameters = [(name, value) for name, value in keys if value]
        parameters += [("includefield", tag) for tag in _STUDY_FIELDS]
        with self._open(cancelled) as session:
            return [study_answer(item) for item in _search(session, "/studies", parameters, limit=query.limit)]

    def search_for_series(self, study_instance_uid: str, cancelled: Cancelled) -> list[SeriesAnswer]:
        """QIDO-RS for the series of a study."""
        with self._open(cancelled) as session:
            return self._series(session, study_instance_uid)

    def search_for_instances(
        self, study_instance_uid: str, series_instance_uid: str, cancelled: Cancelled
    ) -> list[InstanceAnswer]:
        """QIDO-RS for the instances of a series; without a series, of each series of the study."""
        with self._open(cancelled) as session:
            return self._instances(session, study_instance_uid, series_instance_uid)

    def search_for_documents(
        self, study_instance_uid: str, series_instance_uid: str, cancelled: Cancelled
    ) -> list[tuple[InstanceAnswer, Flags]]:
        """QIDO-RS for the instances of a series, with the flags of reports."""
        path = f"{_study(study_instance_uid)}/series/{check_uid(series_instance_uid)}/instances"
        fields = [("includefield", tag) for tag in (*_INSTANCE_FIELDS, *FLAG_TAGS)]
        with self._open(cancelled) as session:
            answers = _search(session, path, fields)
        return [(instance_answer(item, series_instance_uid), flags(item)) for item in answers]

    def retrieve(
        self, request: RetrieveRequest, deliver: Callable[[Received], None], cancelled: Cancelled
    ) -> Retrieved:
        """WADO-RS of whole objects: the ones wanted first, then the rest."""
        receipt = Receipt(request, deliver)
        with self._open(cancelled) as session:
            expected: list[InstanceAnswer] = []
            if request.already or request.sop_instance_uids or (request.first and not request.series_instance_uid):
                expected = self._expected(session, request)
            for uid in request.first:
                self._one(session, request, uid, expected, receipt)
            if expected:
                self._rest(session, request, expected, receipt)
            else:
                level = f"/series/{check_uid(request.series_instance_uid)}" if request.series_instance_uid else ""
                self._get(session, _study(request.study_instance_uid) + level, receipt)
                expected = self._expected(session, request)
        return receipt.result(expected)

    def store(self, objects: Sequence[StoreObject], cancelled: Cancelled) -> list[StoreOutcome]:
        """STOW-RS; a broken link is an outcome."""
        outcomes: list[StoreOutcome] = []
        with self._open(cancelled) as session:
            for batch in batches(objects):
                if cancelled():
                    outcomes += [
                        StoreOutcome(item.sop_instance_uid, StoreState.RETRY, None, "cancelled") for item in batch
                    ]
                else:
                    outcomes += store_batch(session, batch)
        return outcomes

    def patient_of_instance(
        self, study_instance_uid: str, series_instance_uid: str, sop_instance_uid: str, cancelled: Cancelled
    ) -> PatientOfStudy:
        """WADO-RS metadata of one instance. Raises `NotFound`."""
        path = f"{_study(study_instance_uid)}/series/{check_uid(series_instance_uid)}"
        path += f"/instances/{check_uid(sop_instance_uid)}/metadata"
        with self._open(cancelled) as session:
            found = _search(session, path, [])
        if not found:
            raise NotFound("the PACS has no metadata of it", connection_id=self._connection.connection_id)
        return patient(found[0])

    def _open(self, cancelled: Cancelled) -> HttpSession:
        return HttpSession(
            self._connection.base_url,
            self._credentials,
            timeout_s=self._connection.timeout_s,
            connection_id=self._connection.connection_id,
            cancelled=cancelled,
        )

    def _series(self, session: HttpSession, study: str) -> list[SeriesAnswer]:
        fields = [("includefield", tag) for tag in _SERIES_FIELDS]
        return [series_answer(item) for item in _search(session, f"{_study(study)}/series", fields)]

    def _instances(self, session: HttpSession, study: str, series: str) -> list[InstanceAnswer]:
        fields = [("includefield", tag) for tag in _INSTANCE_FIELDS]
        found: list[InstanceAnswer] = []
        for uid in [series] if series else [item.series_instance_uid for item in self._series(session, study)]:
            path = f"{_study(study)}/series/{check_uid(uid)}/instances"
            found += [instance_answer(item, uid) for item in _search(session, path, fields)]
        return found

    def _expected(self, session: HttpSession, request: RetrieveRequest) -> list[InstanceAnswer]:
        """What the PACS says it holds of the request (reliability.md 1 #8: "no error" proves nothing)."""
        if request.sop_instance_uids and request.series_instance_uid:
            return [
                InstanceAnswer(uid, series_instance_uid=request.series_instance_uid)
                for uid in request.sop_instance_uids
            ]
        known = self._instances(session, request.study_instance_uid, request.series_instance_uid)
        if not request.sop_instance_uids:
            return known
        by_uid = {item.sop_instance_uid: item for item in known}
        return [by_uid.get(uid) or InstanceAnswer(uid) for uid in request.sop_instance_uids]

    def _rest(
        self, session: HttpSession, request: RetrieveRequest, expected: Sequence[InstanceAnswer], receipt: Receipt
    ) -> None:
        """Series by series: what is missing one by one where it is little, the whole series otherwise."""
        by_series: dict[str, list[InstanceAnswer]] = {}
        for item in expected:
            by_series.setdefault(item.series_instance_uid, []).append(item)
        for series, instances in by_series.items():
            missing = [item for item in instances if item.sop_instance_uid not in receipt.present]
            if request.sop_instance_uids or len(missing) <= _FEW * len(instances):
                for item in missing:
                    self._one(session, request, item.sop_instance_uid, expected, receipt)
            else:
                self._get(session, f"{_study(request.study_instance_uid)}/series/{check_uid(series)}", receipt)

    def _one(
        self,
        session: HttpSession,
        request: RetrieveRequest,
        uid: str,
        expected: Sequence[InstanceAnswer],
        receipt: Receipt,
    ) -> None:
        """One instance; one that the PACS does not know ends up among the missing."""
        if not receipt.wants(uid):
            return
        series = request.series_instance_uid
        series = series or next((item.series_instance_uid for item in expected if item.sop_instance_uid == uid), "")
        if not series:
            return
        path = f"{_study(request.study_instance_uid)}/series/{check_uid(series)}/instances/{check_uid(uid)}"
        try:
            self._get(session, path, receipt)
        except NotFound as error:
            receipt.warn(error.reason)

    def _get(self, session: HttpSession, path: str, receipt: Receipt) -> None:
        if session.watch.cancelled():
            raise Interrupted("cancelled", connection_id=self._connection.connection_id)
        retrieve_objects(session, path, receipt, self._connection.connection_id)


def _study(study_instance_uid: str) -> str:
    return "/studies/" + quote(check_uid(study_instance_uid))


def _search(session: HttpSession, path: str, query: list[tuple[str, str]], limit: int = 0) -> list[Dicom]:
    """All answers; where the service says that there are more (Warning 299), it is asked for the next page."""
    found: list[Dicom] = []
    for _page in range(_MAX_PAGES):
        page = list(query)
        if limit and ("limit", "1") not in page:
            page.append(("limit", str(limit - len(found))))
        if found:
            page.append(("offset", str(len(found))))
        with session.request("GET", path, accept=_JSON, query=page) as response:
            session.check_status(response)
            more = "299" in (response.headers.get("Warning") or "")
            answers = datasets(session.read_body(response))
        found += answers
        if not more or not answers or (limit and len(found) >= limit):
            break
    return found[:limit] if limit else found
