"""glibc's memory allocator told to keep what it has: the CPU's largest hidden cost."""

import ctypes
import sys

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_MMAP_MAX = -1, -3, -4
KEPT = 2**31 - 1

MAPPED_AT_ONCE, MAPPED_FROM = 65_536, 32 * 2**20
"""What glibc does by itself (``mallopt(3)``): it maps blocks anew from a size that grows to 32 MB as they are freed,
and hands back what is free at the heap's end from twice that size."""


def keep_memory() -> bool:
    """Makes freed memory stay with the process; says whether this C library could be told.

    By default glibc maps every large tensor anew and hands it back when it is freed, so that each step pays for
    clearing the same pages again: a fifth to a half of the time of a small model's step.
    """
    return _told({M_MMAP_MAX: 0, M_TRIM_THRESHOLD: KEPT})


def hand_back_memory() -> bool:
    """Undoes ``keep_memory``, so that a measurement sees what a process without it pays; hands back what is free."""
    told = _told({M_MMAP_MAX: MAPPED_AT_ONCE, M_MMAP_THRESHOLD: MAPPED_FROM, M_TRIM_THRESHOLD: 2 * MAPPED_FROM})
    return told and trim()


def trim() -> bool:
    """Hands all free memory back to the system, whatever was set; says whether this C library could be told."""
    library = _glibc()
    if library is None:
        return False
    library.malloc_trim(0)
    return True


def _told(values: dict[int, int]) -> bool:
    library = _glibc()
    if library is None:
        return False
    answers = [library.mallopt(name, value) for name, value in values.items()]
    return all(answers)


def _glibc() -> ctypes.CDLL | None:
    if not sys.platform.startswith("linux"):
        return None
    try:
        library = ctypes.CDLL("libc.so.6")
        return library if library.mallopt and library.malloc_trim else None
    except (OSError, AttributeError):  # another C library
        return None
