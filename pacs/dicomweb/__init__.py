"""DICOMweb (PS3.18): QIDO-RS, WADO-RS of whole objects in their stored transfer syntax, STOW-RS.

On requests, over sockets whose waits can be cancelled (`http.py`). Answers stream from the socket through the multipart
reader into files in pieces of up to a megabyte, without being copied.
"""
