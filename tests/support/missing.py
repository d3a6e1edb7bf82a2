"""What becomes of a test whose server the machine lacks."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from support.child_process import NotInstalled


@contextmanager
def skipping_if_missing() -> Iterator[None]:
    """Skip on a developer's desk, fail in CI: there a test that never runs proves nothing."""
    try:
        yield
    except NotInstalled as missing:
        if os.environ.get("CI") == "true":
            pytest.fail(str(missing), pytrace=False)
        pytest.skip(str(missing))
