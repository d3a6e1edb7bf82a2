"""Settings: all that a service can be told from outside, by environment variables with its own prefix.

Every setting may also be given as `<NAME>_FILE`, the path of a file that holds the value, as secrets
are mounted. A name that no setting has is an error, since a misspelt one would be silently ignored.
"""

import difflib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

LARGEST_PORT = 65535


class SettingsError(Exception):
    """The settings cannot be used; the message says which and why."""


class ServiceSettings(BaseSettings):
    """What every service can be told."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    service: ClassVar[str]
    default_listen: ClassVar[str]

    database_url: SecretStr = Field(
        description="Where the service keeps what it remembers: sqlite:///path or postgresql://…"
    )
    amqp_url: SecretStr | None = Field(
        default=None,
        description="The broker, without which a service does not run alone: "
        "amqp://user:password@host:port/vhost",
    )
    config: Path = Field(default=Path("config"), description="Folder with callers.yaml and committees/")
    forms: str = Field(
        default="schemas/forms",
        description="Folders of forms, divided by ':'; a later one replaces a form of the same name",
    )
    listen: str = Field(
        default="",
        validate_default=True,
        description="Host and port of the service's HTTP interface",
    )
    admin_token: SecretStr | None = Field(
        default=None,
        description="Bearer token for /admin; without it, /admin answers only on loopback",
    )
    look_token: SecretStr | None = Field(
        default=None,
        description="Bearer token that lists what is parked and lets do nothing more: what the archive's "
        "operators' page holds of the other services",
    )
    migrate_at_start: bool = Field(
        default=True,
        description="Bring the database's tables up to date at start; off where a separate job does it",
    )
    keep_published_days: float = Field(
        default=7, gt=0, description="Days to keep outbox rows that were published"
    )

    @field_validator("listen")
    @classmethod
    def _listen_somewhere(cls, value: str) -> str:
        value = value or cls.default_listen
        host, _, port = value.rpartition(":")
        if not host or not port.isdecimal() or not 0 < int(port) <= LARGEST_PORT:
            raise ValueError("must be host:port, for example 127.0.0.1:8081")
        return value

    @property
    def forms_folders(self) -> list[Path]:
        return [Path(folder) for folder in self.forms.split(os.pathsep)]

    @property
    def address(self) -> tuple[str, int]:
        host, _, port = self.listen.rpartition(":")
        return host.strip("[]"), int(port)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment first, then what the caller gives as defaults; nothing else."""
        return env_settings, init_settings

    @classmethod
    def prefix(cls) -> str:
        return str(cls.model_config["env_prefix"])

    @classmethod
    def load(cls, **defaults: Any) -> Self:
        """The settings from the environment; `defaults` stand in for what it does not say.

        Raises:
            SettingsError: a name or a value that cannot be used.
        """
        from_files = dict(cls._read_files())
        try:
            return cls(**(defaults | from_files))
        except ValueError as error:
            raise SettingsError(_explained(cls.prefix(), error)) from None

    @classmethod
    def told_by(cls, field: str) -> str:
        """The environment's name that gives the setting its value; empty when the default holds."""
        name = f"{cls.prefix()}{field.upper()}"
        told = {known.upper() for known in os.environ}
        return next((given for given in (name, f"{name}_FILE") if given in told), "")

    @classmethod
    def _read_files(cls) -> Iterator[tuple[str, str]]:
        """What the `…_FILE` settings point at; a name that is no setting is refused here."""
        for name, value in os.environ.items():
            if name.startswith(cls.prefix()):
                field = name.removeprefix(cls.prefix()).lower()
                of_file = field.removesuffix("_file")
                if field in cls.model_fields:
                    continue
                if field == of_file or of_file not in cls.model_fields:
                    raise SettingsError(_unknown(name, cls.prefix(), cls.model_fields))
                yield of_file, _content(name, value)


def _unknown(name: str, prefix: str, fields: Iterable[str]) -> str:
    nearest = difflib.get_close_matches(name.removeprefix(prefix).lower(), fields, n=1)
    return f"{name} is no setting" + (f"; did you mean {prefix}{nearest[0].upper()}?" if nearest else "")


def _content(name: str, path: str) -> str:
    try:
        return Path(path).read_text("utf-8").strip()
    except OSError as error:
        raise SettingsError(f"{name}: {error.strerror}: {path}") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{name}: not text in UTF-8: {path}") from None


def _explained(prefix: str, error: ValueError) -> str:
    details: list[dict[str, Any]] = getattr(error, "errors", lambda **_: [])(
        include_url=False, include_input=False
    )
    lines = [f"{prefix}{'_'.join(map(str, detail['loc'])).upper()}: {detail['msg']}" for detail in details]
    return "\n".join(lines) or str(error)
