"""Which version a service says that it is."""

from importlib import metadata

import pytest

from chassis.metrics import Metrics, service_version


def test_a_service_tells_the_version_of_its_own_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not the chassis's: who upgrades one service alone sees there that it was upgraded."""
    installed = {"kansli-intake": "0.2.0", "kansli-chassis": "0.1.0"}
    monkeypatch.setattr("chassis.metrics.version", installed.__getitem__)
    told = Metrics("intake").registry.get_sample_value(
        "kansli_build_info", {"service": "intake", "version": "0.2.0"}
    )
    assert (service_version("intake"), told) == ("0.2.0", 1)


@pytest.mark.parametrize("service", ["intake", "validation", "archive", "notification"])
def test_each_service_is_a_package_of_that_name(service: str) -> None:
    """As its pyproject says; else every one of them would be `unknown`."""
    assert service_version(service) == metadata.version(f"kansli-{service}")


def test_what_is_not_installed_is_unknown() -> None:
    """And no reason not to start."""
    assert service_version("answerer") == "unknown"
