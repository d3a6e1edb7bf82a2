"""All that the archive can be told from outside."""

from typing import ClassVar

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from chassis.settings import ServiceSettings


class ArchiveSettings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="ARCHIVE_")

    service: ClassVar[str] = "archive"
    default_listen: ClassVar[str] = "127.0.0.1:8084"

    objects: str = Field(
        default="file:///var/lib/kansli/objects",
        description="Where attachments and packets lie: file:///… or s3://…, the same as intake's",
    )
    sealing_key: SecretStr | None = Field(
        default=None,
        description="Seals what was masked: any text, several divided by ',' while rotating (newest first); "
        "without it, a key is made and kept in the database",
    )
