"""All that intake can be told from outside."""

from pathlib import Path
from typing import ClassVar

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from chassis.objects_key import OBJECTS_KEY, ObjectsKey
from chassis.settings import ServiceSettings


class IntakeSettings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="INTAKE_")

    service: ClassVar[str] = "intake"
    default_listen: ClassVar[str] = "127.0.0.1:8081"

    objects: str = Field(
        default="file:///var/lib/kansli/objects", description="Where attachments lie: file:///… or s3://…"
    )
    objects_key: ObjectsKey | None = Field(default=None, description=OBJECTS_KEY)
    clamd_socket: Path | None = Field(
        default=None, description="The unix socket of clamd, which then scans every file for viruses"
    )
    personal_number_key: SecretStr | None = Field(
        default=None,
        description="Key of the hash that stands for a sender's personnummer, the same as the register's",
    )
    sealing_key: SecretStr | None = Field(
        default=None,
        description="Keys that seal what could not be read, divided by commas: the first seals, each opens; "
        "without one, a key is made and kept in the database beside what it seals",
    )
    keep_unreadable_days: float = Field(
        default=30, gt=0, description="Days to keep a body that could not be read at all, sealed"
    )
