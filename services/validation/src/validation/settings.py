"""All that validation can be told from outside."""

from typing import ClassVar

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from chassis.settings import ServiceSettings


class ValidationSettings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="VALIDATION_")

    service: ClassVar[str] = "validation"
    default_listen: ClassVar[str] = "127.0.0.1:8082"

    personal_number_key: SecretStr | None = Field(
        default=None,
        description="Key of the hash that stands for a sender's personnummer, the same as intake's",
    )
