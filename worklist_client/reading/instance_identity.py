"""The national ID of a patient from one instance of a study, for archives whose answers lack it. Blocking.

Orthanc and others silently ignore Other Patient IDs Sequence in QIDO-RS and C-FIND, so its absence in an answer says
nothing. One instance is fetched into a folder of its own, read, and removed.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable

from pacs.errors import Interrupted, NotFound, PacsError
from pacs.port import Cancelled, Pacs, Received, RetrieveRequest
from pacs.site import Connection, Site
from worklist_client.identity.patient import BSN_ISSUERS


def read_national_id(
    site: Site, study_instance_uid: str, open_port: Callable[[Connection], Pacs], cancelled: Cancelled
) -> str:
    """The national ID in the header of one instance, or empty where it has none.

    Raises
    ------
    PacsError : no connection of the site gave an instance
    """
    last: PacsError = NotFound("No connection to this hospital is set up")
    for connection in site.connections:
        try:
            return _from_one_instance(open_port(connection), study_instance_uid, cancelled)
        except Interrupted:
            raise
        except PacsError as error:
            last = error
    raise last


def _from_one_instance(port: Pacs, study_instance_uid: str, cancelled: Cancelled) -> str:
    """Fetch the first instance of the smallest series, and read it."""
    series = [item for item in port.search_for_series(study_instance_uid, cancelled) if item.number_of_instances != 0]
    if not series:
        raise NotFound("The hospital does not have this study any more")
    smallest = min(series, key=lambda item: item.number_of_instances or 1_000_000)
    instances = port.search_for_instances(study_instance_uid, smallest.series_instance_uid, cancelled)
    if not instances:
        raise NotFound("The hospital does not have this series any more")
    received: list[Received] = []
    with tempfile.TemporaryDirectory(prefix="wl-identity-") as folder:
        request = RetrieveRequest(
            study_instance_uid, folder, smallest.series_instance_uid, (instances[0].sop_instance_uid,)
        )
        port.retrieve(request, received.append, cancelled)
        return national_id_in(received[0].path) if received else ""


def national_id_in(path: str) -> str:
    """The national ID in a stored object: as Patient ID with the national issuer, or among the other IDs."""
    from pydicom import dcmread  # noqa: PLC0415 - costs 1 s; only needed where an answer lacks the national ID
    from pydicom.errors import InvalidDicomError  # noqa: PLC0415 - the same

    wanted = ["PatientID", "IssuerOfPatientID", "IssuerOfPatientIDQualifiersSequence", "OtherPatientIDsSequence"]
    try:
        dataset = dcmread(path, stop_before_pixels=True, specific_tags=wanted)
    except (InvalidDicomError, OSError, ValueError):
        return ""
    for item in (dataset, *dataset.get("OtherPatientIDsSequence", ())):
        issuers = [str(item.get("IssuerOfPatientID", ""))]
        issuers += [
            str(part.get("UniversalEntityID", "")) for part in item.get("IssuerOfPatientIDQualifiersSequence", ())
        ]
        if any(issuer in BSN_ISSUERS for issuer in issuers):
            return str(item.get("PatientID", "")).strip()
    return ""
