"""Who did what to whom, written before the answer goes out.

`records` says what an event is, `ledger` writes and chains it, `trail` is the seam of the web layer, `export` hands
lines to hospitals as DICOM audit messages (PS3.15 A.5) over syslog TLS or as JSON lines.
"""
