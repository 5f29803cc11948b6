"""Two ways to draw the same finished uint8 picture (`path.RenderPath`): software (QPainter) and VTK (OpenGL).

Neither windows, rescales or inverts anything: values arrive through the DICOM LUTs of `viewer.dicom` (viewer.md §3.4).
"""
