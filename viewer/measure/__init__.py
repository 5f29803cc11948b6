"""Numbers from images: length, region statistics, and where a millimeter or a unit comes from (PS3.3 10.7).

Belongs here: pure functions on headers, stored values and annotations. Not here: drawing, pointers, Qt, VTK.
Imports: numpy, `viewer.stored`, `viewer.state`, `viewer.records`.
"""

from viewer.measure.annotation_values import measure

__all__ = ["measure"]
