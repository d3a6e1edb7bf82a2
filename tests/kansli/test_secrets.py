import base64
import hashlib
import json
import stat
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from pydantic import SecretStr

from archive.web.desks import tokens_in
from chassis.settings import SettingsError
from kansli.commands import main
from kansli.operators import SERVICES
from kansli.secrets_folder import Servers, fill, password_hash

WITH_POSTGRESQL = Servers("amqp://rabbitmq:5672", "smtp://relay:25", "postgresql://postgresql:5432")


def content(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text("utf-8") for path in folder.rglob("*") if path.is_file()
    }


def test_every_service_gets_what_its_settings_may_have_in_files(tmp_path: Path) -> None:
    """Under the settings' own names, so that who knows one knows the other."""
    fill(tmp_path, WITH_POSTGRESQL)
    for name, settings in SERVICES.items():
        fields = {file.name.replace("-", "_") for file in (tmp_path / name).iterdir()}
        assert {"amqp_url", "database_url", "admin_token"} <= fields <= settings.model_fields.keys()


def test_each_service_has_a_password_of_its_own(tmp_path: Path) -> None:
    """At the broker and at the database: eight, none of them another's."""
    fill(tmp_path, WITH_POSTGRESQL)
    addresses = [tmp_path / name / file for name in SERVICES for file in ("amqp-url", "database-url")]
    urls = [urlsplit(address.read_text("utf-8").strip()) for address in addresses]
    assert len({url.password for url in urls}) == 8
    assert [url.username for url in urls[::2]] == list(SERVICES)
    assert {url.netloc.rpartition("@")[2] + url.path for url in urls[::2]} == {"rabbitmq:5672/kansli"}


def test_the_broker_knows_the_passwords_only_by_their_hashes(tmp_path: Path) -> None:
    """Four bytes of salt, then SHA-256 of salt and password, as RabbitMQ documents it."""
    fill(tmp_path, WITH_POSTGRESQL)
    text = (tmp_path / "rabbitmq" / "definitions.json").read_text("utf-8")
    for user in json.loads(text)["users"]:
        url = urlsplit((tmp_path / user["name"] / "amqp-url").read_text("utf-8"))
        hashed = base64.b64decode(user["password_hash"])
        assert url.password is not None
        assert hashed[4:] == hashlib.sha256(hashed[:4] + url.password.encode()).digest()
        assert url.password not in text


def test_the_database_is_told_no_password(tmp_path: Path) -> None:
    """What it keeps of each, by itself: a file, a log or a screen shows nothing to come in with."""
    fill(tmp_path, WITH_POSTGRESQL)
    text = (tmp_path / "postgresql" / "roles.sql").read_text("utf-8")
    for name in SERVICES:
        password = urlsplit((tmp_path / name / "database-url").read_text("utf-8")).password
        assert password
        assert password not in text
    assert text.count("SCRAM-SHA-256$4096:") == len(SERVICES)


def test_the_archive_gets_the_tokens_of_the_others_desks(tmp_path: Path) -> None:
    """Those that only look, and anew when one was changed; its own it has already."""
    fill(tmp_path, WITH_POSTGRESQL)
    changed = tmp_path / "intake" / "look-token"
    changed.unlink()
    changed.write_text("nytt\n", "utf-8")
    fill(tmp_path, WITH_POSTGRESQL)
    tokens = tokens_in(SecretStr((tmp_path / "archive" / "desks-tokens").read_text("utf-8")))
    assert tokens.keys() == SERVICES.keys() - {"archive"}
    for name, token in tokens.items():
        assert token.get_secret_value() == (tmp_path / name / "look-token").read_text("utf-8").strip()


def test_a_hash_is_what_the_documentation_says_it_is() -> None:
    """RabbitMQ's own example: password `test12`, salt 908D C60A."""
    expected = "kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR"
    assert password_hash("test12", bytes.fromhex("908DC60A")) == expected


def test_what_is_there_stays_and_what_is_missing_comes(tmp_path: Path) -> None:
    """A password that an operator has changed, too, with its hash; and nothing half written is left."""
    fill(tmp_path, WITH_POSTGRESQL)
    before = content(tmp_path)
    (tmp_path / "archive" / "sealing-key").unlink()
    own = tmp_path / "intake" / "amqp-url"
    own.unlink()
    own.write_text("amqp://intake:p%C3%A5@other/kansli\n", "utf-8")
    assert fill(tmp_path, WITH_POSTGRESQL) == [tmp_path / "archive" / "sealing-key"]
    after = content(tmp_path)
    changed = {name for name in after if before[name] != after[name]}
    salted = {"rabbitmq/definitions.json", "postgresql/roles.sql"}
    assert changed == {"archive/sealing-key", "intake/amqp-url", *salted}
    hashed = base64.b64decode(json.loads(after["rabbitmq/definitions.json"])["users"][0]["password_hash"])
    assert hashed[4:] == hashlib.sha256(hashed[:4] + "på".encode()).digest()


def test_only_who_owns_the_folder_comes_in(tmp_path: Path) -> None:
    """The files themselves can be read by a container's user, who is another."""
    fill(tmp_path / "secrets", WITH_POSTGRESQL)
    modes = {
        path.is_dir(): stat.S_IMODE(path.stat().st_mode)
        for path in [tmp_path / "secrets", *(tmp_path / "secrets").rglob("*")]
    }
    assert modes == {True: 0o700, False: 0o444}


def test_a_folder_that_was_open_to_others_is_closed(tmp_path: Path) -> None:
    """As `mkdir` leaves one; else whoever has an account on the machine would read every password."""
    folders = [tmp_path / "secrets", tmp_path / "secrets" / "intake"]
    for folder in folders:
        folder.mkdir()
        folder.chmod(0o755)
    fill(folders[0], WITH_POSTGRESQL)
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in folders} == {0o700}


def test_intake_and_validation_hash_personnummer_with_one_key(tmp_path: Path) -> None:
    """Also when one of the two files came to be lost."""
    fill(tmp_path, WITH_POSTGRESQL)
    (tmp_path / "intake" / "personal-number-key").unlink()
    fill(tmp_path, WITH_POSTGRESQL)
    keys = {(tmp_path / name / "personal-number-key").read_text("utf-8") for name in ("intake", "validation")}
    assert len(keys) == 1


def test_what_an_address_says_of_tls_is_kept(tmp_path: Path) -> None:
    """Lost, it would leave a connection unsafe, or not made."""
    safe = ("amqps://broker:5671?cafile=/etc/ssl/ours.pem", "postgresql://database:5432?sslmode=verify-full")
    fill(tmp_path, Servers(safe[0], "smtp://relay:25", safe[1]))
    told = [(tmp_path / "intake" / name).read_text("utf-8") for name in ("amqp-url", "database-url")]
    assert [url.partition("@")[2].strip() for url in told] == [
        "broker:5671/kansli?cafile=/etc/ssl/ours.pem",
        "database:5432/intake?sslmode=verify-full",
    ]


def test_without_postgresql_there_are_no_files_for_it(tmp_path: Path) -> None:
    """A small town keeps its databases in files, whose places are no secret."""
    fill(tmp_path, Servers("amqp://rabbitmq:5672", "smtp://relay:25", None))
    assert not [name for name in content(tmp_path) if "database" in name or "postgresql" in name]


@pytest.mark.parametrize("broker", ["rabbitmq", "amqp://me:secret@rabbitmq", "amqp://rabbitmq/other"])
def test_an_address_with_a_user_or_a_path_is_refused(tmp_path: Path, broker: str) -> None:
    """They are ours to give."""
    with pytest.raises(SettingsError, match="scheme://host:port"):
        fill(tmp_path, Servers(broker, "smtp://relay:25", None))


def test_the_command_names_what_it_made_and_shows_no_secret(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The second time nothing."""
    words = ["secrets", str(tmp_path), "--relay", "smtp://relay:25"]
    for expected in (16, 0):
        with pytest.raises(SystemExit, match="0"):
            main(words)
        assert len(capsys.readouterr().out.splitlines()) == expected
