"""UIDs that follow from a name: those of replacements and of polled studies. Each is kept for what it names, for the
place that a release or a poll will need must not be taken by somebody else before."""

from __future__ import annotations

from ups.identifiers import is_made_from_name, replacement_uid, workitem_uid
from ups.states import ProcedureStepState
from ups.workitem_fields import READERS
from worklist_hub.workitem.protocol import Create, Stored


def is_kept_for_another(request: Create, replaced: Stored | None) -> bool:
    """Whether a caller may not create a workitem under this UID.

    Parameters
    ----------
    replaced : the workitem that it says it replaces, None where there is none: a study that was taken off the list may
        be put back by a replacement, which must be of the same study of the same hospital
    """
    if not is_made_from_name(request.uid):
        return False
    made = _study_of(request.dataset)
    if request.uid == workitem_uid(*made):
        return False
    if replaced is None or replaced.state is not ProcedureStepState.CANCELED:
        return True
    return request.uid != replacement_uid(READERS["uid"](replaced.dataset)) or made != _study_of(replaced.dataset)


def _study_of(dataset: object) -> tuple[str, str]:
    assert isinstance(dataset, dict)
    return READERS["site_id"](dataset), READERS["study_instance_uid"](dataset)
