import pytest

from support.child_process import NotInstalled
from support.missing import skipping_if_missing


def need_the_server() -> None:
    with skipping_if_missing():
        raise NotInstalled("no such server")


def test_a_missing_server_skips_on_a_desk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has no server may run the rest, and reads which one was missing."""
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no such server"):
        need_the_server()


def test_a_missing_server_fails_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    """CI cannot be green by leaving tests out."""
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="no such server"):
        need_the_server()
