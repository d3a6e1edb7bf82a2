from functools import partial
from pathlib import Path

import pytest

from chassis.bus import Bus
from chassis.cli import OwnCommand, main
from chassis.metrics import Metrics
from chassis.service import Service
from chassis.settings import ServiceSettings
from chassis.store import open_store
from chassis.store.engines import process_lock
from support.toy_house import HISTORY, AskerSettings


def build(settings: ServiceSettings, bus: Bus) -> Service:
    """A toy."""
    store = open_store(settings.database_url.get_secret_value(), "asker")
    return Service("asker", settings, store, bus, Metrics("asker"), HISTORY)


command = partial(main, AskerSettings, build)


@pytest.fixture(autouse=True)
def set_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TOY_ASKER_DATABASE_URL", f"sqlite:///{tmp_path}/toy.db")
    monkeypatch.setenv("TOY_ASKER_LISTEN", "127.0.0.1:8080")


def test_check_tells_what_migrate_mends(capsys: pytest.CaptureFixture[str]) -> None:
    """First not up to date, then in order, and migrating again changes nothing."""
    with pytest.raises(SystemExit, match=r"NotMigrated: .*python -m asker migrate"):
        command(["check"])
    command(["migrate"])
    command(["migrate"])
    command(["check"])
    assert "in order" in capsys.readouterr().out


def test_check_looks_while_the_service_has_the_file_open(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """It only reads: the service that runs is disturbed by nothing, and what is not up to date is told."""
    with process_lock(tmp_path / "toy.db"):
        with pytest.raises(SystemExit, match="NotMigrated"):
            command(["check"])
        assert not (tmp_path / "toy.db").exists()
    command(["migrate"])
    with process_lock(tmp_path / "toy.db"):
        command(["check"])
        with pytest.raises(SystemExit, match="StoreLocked"):
            command(["migrate"])
    assert "in order" in capsys.readouterr().out


@pytest.mark.parametrize("word", ["check", "migrate"])
def test_a_database_that_does_not_answer_is_told_in_a_line(
    monkeypatch: pytest.MonkeyPatch, word: str
) -> None:
    """And not by a traceback, in which an operator would look for what to do."""
    monkeypatch.setenv("TOY_ASKER_DATABASE_URL", "postgresql://toy@127.0.0.1:1/toy")
    with pytest.raises(SystemExit, match="StoreUnavailable: the database does not answer"):
        command([word])


def test_settings_are_shown_with_secrets_masked(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each with what it means."""
    monkeypatch.setenv("TOY_ASKER_ADMIN_TOKEN", "hush")
    command(["settings"])
    shown = capsys.readouterr().out
    assert "TOY_ASKER_ADMIN_TOKEN=**********\n  from: TOY_ASKER_ADMIN_TOKEN\n  Bearer token" in shown
    assert "hush" not in shown


def test_settings_are_shown_with_where_they_come_from(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The environment, a file that it names, or nobody: then the default holds."""
    (tmp_path / "forms").write_text("a:b\n")
    monkeypatch.setenv("TOY_ASKER_FORMS_FILE", str(tmp_path / "forms"))
    command(["settings"])
    shown = capsys.readouterr().out
    assert "TOY_ASKER_LISTEN=127.0.0.1:8080\n  from: TOY_ASKER_LISTEN\n" in shown
    assert "TOY_ASKER_FORMS=a:b\n  from: TOY_ASKER_FORMS_FILE\n" in shown
    assert "TOY_ASKER_MIGRATE_AT_START=True\n  from: default\n" in shown


def test_the_environment_is_the_source_where_a_file_says_otherwise(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As it is what counts."""
    (tmp_path / "listen").write_text("127.0.0.1:1")
    monkeypatch.setenv("TOY_ASKER_LISTEN_FILE", str(tmp_path / "listen"))
    command(["settings"])
    assert "TOY_ASKER_LISTEN=127.0.0.1:8080\n  from: TOY_ASKER_LISTEN\n" in capsys.readouterr().out


def test_running_without_a_broker_says_what_to_do() -> None:
    """One process for all needs none; one process for each does."""
    with pytest.raises(SystemExit, match=r"TOY_ASKER_AMQP_URL is missing; .*kansli up"):
        command(["run"])


def test_a_wrong_setting_ends_with_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """And without a traceback."""
    monkeypatch.setenv("TOY_ASKER_AMQPURL", "x")
    with pytest.raises(SystemExit, match="SettingsError: TOY_ASKER_AMQPURL is no setting"):
        command(["check"])


def test_a_service_has_commands_of_its_own_that_need_no_settings(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With arguments of their own, and named beside the others."""
    monkeypatch.delenv("TOY_ASKER_DATABASE_URL")
    said: list[str] = []
    greet = OwnCommand(
        "greet",
        "say a word",
        declare=lambda parser: parser.set_defaults(word="hej"),
        run=lambda asked: said.append(asked.word),
    )
    command(["greet"], own=[greet])
    assert said == ["hej"]
    with pytest.raises(SystemExit):
        command(["shout"], own=[greet])
    refusal = capsys.readouterr().err
    assert all(name in refusal for name in ["run", "check", "migrate", "settings", "greet"])
