"""Parts of libraries that come along when the library is loaded, and that nothing here uses.

They cost memory in every process for as long as it lives, and time at each start. In place of such a part
stands a module in which every name is `None`: the library finds it, and whoever would use it fails at once.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType


class _Nothing(ModuleType):
    def __getattr__(self, name: str) -> None:
        if name.startswith("__"):
            raise AttributeError(name)


def leave_out(*parts: str) -> None:
    """Before the library is loaded; what is loaded already stays."""
    for part in parts:
        sys.modules.setdefault(part, _Nothing(part))


@contextmanager
def not_to_be_found(library: str) -> Iterator[None]:
    """As if it were not installed, for another that can do without; who loads it afterwards finds it."""
    if library in sys.modules:
        yield
        return
    sys.modules[library] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[library]
