"""Where things are: planes in patient coordinates (LPS, mm), orientation letters, linking, canvas and corners.

Belongs here: pure functions on numbers. Not here: headers, pixels, Qt, VTK. Imports: the standard library and
`viewer.errors` only.
"""
