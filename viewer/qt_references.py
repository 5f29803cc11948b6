"""WORKAROUND PySide6 6.12.0 on Python below 3.12: each signal emitted loses a reference to True, each processEvents one
to None, until the interpreter aborts ("bool_dealloc", after some six hundred signals). PySide6 6.11.3 does not do so.

From Python 3.12 these objects are immortal by having a huge reference count; the same is done here for older ones.
"""

from __future__ import annotations

import ctypes
import platform
import sys

PLENTY = 1 << 40
"""More references than could be lost in a thousand years of scrolling."""
SINGLETONS: tuple[object, ...] = (None, True, False)


def hold_singletons() -> bool:
    """Make None, True and False immortal, once; whether it was needed."""
    if sys.version_info >= (3, 12) or platform.python_implementation() != "CPython":
        return False
    for single in SINGLETONS:
        if sys.getrefcount(single) < PLENTY // 2:
            # ob_refcnt is the first word of every object of a release build of CPython.
            ctypes.c_ssize_t.from_address(id(single)).value += PLENTY
    return True
