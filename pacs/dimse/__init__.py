"""DIMSE: C-ECHO, C-FIND, C-GET, C-MOVE, C-STORE.

As a user (SCU) we speak PS3.8 with a synchronous association of our own (`association.py`) on pynetdicom's PDU
codecs: no threads, one receive buffer, objects written to disk straight out of it, polled cancellation. pynetdicom's
own reactor copies each PDV about six times and sleeps between events (1.4 s for 125 MiB against 0.5 s by `getscu`).
As a provider (the storage SCP of C-MOVE) pynetdicom serves, hardened (`storage_scp.py`).
"""
