"""All that the archive can be told from outside."""

from typing import ClassVar

from pydantic_settings import SettingsConfigDict

from chassis.settings import ServiceSettings


class ArchiveSettings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="ARCHIVE_")

    service: ClassVar[str] = "archive"
    default_listen: ClassVar[str] = "127.0.0.1:8084"
