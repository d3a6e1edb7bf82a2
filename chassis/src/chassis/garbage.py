"""Python's search for rings of objects that nobody holds, told what a service is like.

Nearly all that a service makes is gone as soon as its last reference is, and what its libraries are made of
stays for good. Looking through both again and again took a sixth of what a submission cost in intake.
"""

import gc

STAYED = 20_000
"""Objects that must have come and stayed before the youngest are looked through; some megabytes at most."""

AS_SELDOM = 20
"""Searches of one generation before the next older one is looked through too."""


def spare_what_stays() -> None:
    """Leave out of every search what is there now; for a process that has read its libraries."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(STAYED, AS_SELDOM, AS_SELDOM)
