"""What hangs where when a case opens: pure scoring with an explanation.

Belongs here: choosing image sets for current and prior. Not here: layout, widgets, pixels. Imports: `viewer.state`,
`viewer.geometry`, `viewer.records`.
"""
