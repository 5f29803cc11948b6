"""What is shown and drawn, as frozen records: image sets, view and presentation, annotations, undo.

Belongs here: records and pure functions `edit(state, change) -> state`. Not here: pixels, pydicom, Qt, VTK.
Imports: `viewer.records`, `viewer.geometry`.
"""
