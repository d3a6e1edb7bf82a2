"""The search for garbage leaves out what a service is made of."""

import subprocess
import sys
import textwrap

SERVICE = textwrap.dedent("""
    import gc, weakref
    from chassis import garbage

    class Ring:
        def __init__(self):
            self.itself = self

    garbage.spare_what_stays()
    rings = [weakref.ref(Ring()) for _ in range(2 * garbage.STAYED)]
    print(gc.get_freeze_count() > 1000, rings[0]() is None)
""")


def test_what_is_made_later_is_still_found() -> None:
    """What was there is left out for good; rings that are made afterwards go, in their time."""
    told = subprocess.run([sys.executable, "-c", SERVICE], check=True, capture_output=True, text=True)
    assert told.stdout.split() == ["True", "True"]
