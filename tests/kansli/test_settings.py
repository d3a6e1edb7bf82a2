"""Settings: what a misspelt one, a secret in a file and a broken value lead to."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from archive.__main__ import build as build_archive
from archive.settings import ArchiveSettings
from chassis.cli import main
from chassis.service import Service
from chassis.settings import ServiceSettings, SettingsError
from intake.__main__ import build as build_intake
from intake.settings import IntakeSettings
from kansli.operators import SERVICES
from notification.__main__ import build as build_notification
from validation.__main__ import build as build_validation

BUILDS: Mapping[str, Callable[..., Service]] = {
    "intake": build_intake,
    "validation": build_validation,
    "archive": build_archive,
    "notification": build_notification,
}
URL = "postgresql://kansli:hemligt@db.example/kansli"


@pytest.fixture(autouse=True)
def _only_a_database(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in SERVICES.values():
        monkeypatch.setenv(f"{kind.prefix()}DATABASE_URL", URL)


@pytest.mark.parametrize("kind", SERVICES.values(), ids=SERVICES)
def test_a_service_needs_only_its_database_to_be_told(kind: type[ServiceSettings]) -> None:
    """All else has a value that the contract names, or a plain one."""
    settings = kind.load()
    assert settings.database_url.get_secret_value() == URL
    assert settings.address == ("127.0.0.1", int(kind.default_listen.rpartition(":")[2]))


@pytest.mark.parametrize("kind", SERVICES.values(), ids=SERVICES)
def test_a_database_left_out_is_named(kind: type[ServiceSettings], monkeypatch: pytest.MonkeyPatch) -> None:
    """By the name of the setting, and not of a field in a program."""
    monkeypatch.delenv(f"{kind.prefix()}DATABASE_URL")
    with pytest.raises(SettingsError, match=f"{kind.prefix()}DATABASE_URL: Field required"):
        kind.load()


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("INTAKE_LISTN", "did you mean INTAKE_LISTEN?"),
        ("INTAKE_DATABSE_URL", "did you mean INTAKE_DATABASE_URL?"),
        ("INTAKE_DATABSE_URL_FILE", "did you mean INTAKE_DATABASE_URL?"),
        ("INTAKE_PERSONALNUMBER_KEY", "did you mean INTAKE_PERSONAL_NUMBER_KEY?"),
        ("INTAKE_SMTP_URL", "INTAKE_SMTP_URL is no setting"),
        ("INTAKE_", "INTAKE_ is no setting"),
    ],
)
def test_a_misspelt_setting_is_refused_with_the_nearest_right_one(
    monkeypatch: pytest.MonkeyPatch, name: str, nearest: str
) -> None:
    """Passed over in silence, it would be a setting that somebody believes in."""
    monkeypatch.setenv(name, "hemligt-värde")
    with pytest.raises(SettingsError) as refused:
        IntakeSettings.load()
    assert nearest in str(refused.value)
    assert "hemligt-värde" not in str(refused.value)


def test_another_services_settings_are_not_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four services may share one environment file."""
    monkeypatch.setenv("NOTIFICATION_SMTP_URL", "smtp://127.0.0.1")
    monkeypatch.setenv("ARCHIVE_FELSTAVAD", "x")
    assert IntakeSettings.load().service == "intake"


def test_a_secret_may_lie_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As systemd and Kubernetes mount them, with or without a line break at its end."""
    (tmp_path / "key").write_text("nyckeln\n", "utf-8")
    monkeypatch.setenv("INTAKE_PERSONAL_NUMBER_KEY_FILE", str(tmp_path / "key"))
    key = IntakeSettings.load().personal_number_key
    assert key is not None
    assert key.get_secret_value() == "nyckeln"


def test_a_file_counts_before_a_default_and_after_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What is said most plainly wins."""
    (tmp_path / "listen").write_text("127.0.0.1:1111", "utf-8")
    monkeypatch.setenv("INTAKE_LISTEN_FILE", str(tmp_path / "listen"))
    assert IntakeSettings.load(listen="127.0.0.1:3333").listen == "127.0.0.1:1111"
    monkeypatch.setenv("INTAKE_LISTEN", "127.0.0.1:2222")
    assert IntakeSettings.load(listen="127.0.0.1:3333").listen == "127.0.0.1:2222"


def test_a_file_that_cannot_be_read_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Missing, or a folder."""
    for path in (tmp_path / "missing", tmp_path):
        monkeypatch.setenv("INTAKE_PERSONAL_NUMBER_KEY_FILE", str(path))
        with pytest.raises(SettingsError, match="INTAKE_PERSONAL_NUMBER_KEY_FILE"):
            IntakeSettings.load()


@pytest.mark.parametrize("listen", ["8081", "127.0.0.1", "127.0.0.1:http", ":8081"])
def test_an_address_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, listen: str) -> None:
    """With the form that it should have."""
    monkeypatch.setenv("INTAKE_LISTEN", listen)
    with pytest.raises(SettingsError, match=r"INTAKE_LISTEN: .*host:port"):
        IntakeSettings.load()


def test_an_address_may_be_ipv6(monkeypatch: pytest.MonkeyPatch) -> None:
    """In brackets, as everywhere."""
    monkeypatch.setenv("INTAKE_LISTEN", "[::1]:8081")
    assert IntakeSettings.load().address == ("::1", 8081)


@pytest.mark.parametrize("service", SERVICES)
def test_settings_are_told_without_secrets(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], service: str
) -> None:
    """Each by its name, with what it is for; what is secret is masked."""
    kind = SERVICES[service]
    monkeypatch.setenv(f"{kind.prefix()}ADMIN_TOKEN", "mycket-hemligt")
    main(kind, BUILDS[service], ["settings"])
    told = capsys.readouterr().out
    for name, setting in kind.model_fields.items():
        assert f"{kind.prefix()}{name.upper()}=" in told
        assert setting.description
        assert setting.description in told
    assert "hemligt" not in told
    assert f"{kind.prefix()}ADMIN_TOKEN=**********" in told


@pytest.mark.parametrize("service", SERVICES)
def test_no_setting_is_shown_that_is_a_secret_by_its_name(service: str) -> None:
    """Keys, tokens, and addresses with a password in them."""
    for name, setting in SERVICES[service].model_fields.items():
        if name.endswith(("_key", "_token")) or name in {"database_url", "amqp_url", "smtp_url"}:
            assert "SecretStr" in str(setting.annotation), name


def test_a_broken_setting_ends_the_command_with_its_reason(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On one line and without a traceback."""
    monkeypatch.setenv("ARCHIVE_LISTN", "x")
    with pytest.raises(SystemExit, match="SettingsError: ARCHIVE_LISTN is no setting; did you mean"):
        main(ArchiveSettings, build_archive, ["check"])
    assert not capsys.readouterr().out


def test_running_alone_needs_a_broker() -> None:
    """Who has none is told of the other way to run."""
    with pytest.raises(SystemExit, match=r"INTAKE_AMQP_URL is missing.*kansli up"):
        main(IntakeSettings, build_intake, ["run"])


@pytest.mark.parametrize(
    "listen", ["127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", ":8081", "a:b"]
)
def test_an_address_nobody_can_listen_on_is_refused(listen: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told at once which setting, and not at the moment of listening that something failed."""
    monkeypatch.setenv("INTAKE_LISTEN", listen)
    with pytest.raises(SettingsError, match="INTAKE_LISTEN"):
        IntakeSettings.load()


def test_a_secret_file_that_is_no_text_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key file of raw bytes is a likely mistake."""
    (tmp_path / "key").write_bytes(b"\xff\xfe")
    monkeypatch.setenv("INTAKE_PERSONAL_NUMBER_KEY_FILE", str(tmp_path / "key"))
    with pytest.raises(SettingsError, match="UTF-8"):
        IntakeSettings.load()
