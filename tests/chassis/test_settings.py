from pathlib import Path

import pytest

from chassis.settings import SettingsError
from support.toy_house import AskerSettings

NEEDED = {"TOY_ASKER_DATABASE_URL": "sqlite:///x.db", "TOY_ASKER_LISTEN": "127.0.0.1:8080"}


def load(monkeypatch: pytest.MonkeyPatch, **environment: str) -> AskerSettings:
    for name, value in (NEEDED | environment).items():
        monkeypatch.setenv(name, value)
    return AskerSettings.load()


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each under the service's own prefix."""
    settings = load(monkeypatch, TOY_ASKER_FORMS="a:b", TOY_ASKER_KEEP_PUBLISHED_DAYS="0.5")
    assert settings.forms_folders == [Path("a"), Path("b")]
    assert (settings.address, settings.keep_published_days) == (("127.0.0.1", 8080), 0.5)


def test_the_environment_wins_over_what_the_caller_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the program gives are defaults."""
    monkeypatch.setenv("TOY_ASKER_LISTEN", "127.0.0.1:9000")
    assert AskerSettings.load(database_url="sqlite:///y.db", listen="127.0.0.1:1").address[1] == 9000


def test_a_misspelt_name_is_an_error_that_knows_better(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would be silently ignored otherwise."""
    with pytest.raises(SettingsError, match="did you mean TOY_ASKER_AMQP_URL"):
        load(monkeypatch, TOY_ASKER_AMQPURL="amqp://x")


def test_a_secret_may_stand_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As it is mounted."""
    (tmp_path / "secret").write_text("a token\n")
    settings = load(monkeypatch, TOY_ASKER_ADMIN_TOKEN_FILE=str(tmp_path / "secret"))
    assert settings.admin_token
    assert settings.admin_token.get_secret_value() == "a token"


def test_a_secret_s_file_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The operator sees which setting and which file."""
    with pytest.raises(SettingsError, match="TOY_ASKER_ADMIN_TOKEN_FILE: No such file"):
        load(monkeypatch, TOY_ASKER_ADMIN_TOKEN_FILE=str(tmp_path / "none"))


def test_a_wrong_value_names_its_setting_and_not_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be a secret in the wrong place."""
    with pytest.raises(SettingsError, match=r"TOY_ASKER_LISTEN: .*host:port") as refused:
        load(monkeypatch, TOY_ASKER_LISTEN="hush")
    assert "hush" not in str(refused.value)


def test_what_is_missing_is_named() -> None:
    """A start without settings says what it needs."""
    with pytest.raises(SettingsError, match="TOY_ASKER_DATABASE_URL: Field required"):
        AskerSettings.load(listen="127.0.0.1:8080")


def test_secrets_are_masked_when_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords stand in addresses."""
    settings = load(monkeypatch, TOY_ASKER_AMQP_URL="amqp://me:hush@broker/")
    assert "hush" not in repr(settings)
