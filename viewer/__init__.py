"""An embeddable diagnostic viewer: image headers and files in; views, measurements and display choices out.

It knows no worklist, hospital or network. Public names are in `viewer.api`; this package imports nothing by itself.
"""
