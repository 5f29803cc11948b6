"""Who is who across hospitals: patient keys, one pure comparison, and the gate that a prior passes before it opens.

Nothing here reads a network; only `links` touches the journal. What two systems call the same person is never decided
by an equal Patient ID.
"""
