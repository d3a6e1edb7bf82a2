"""All that validation can be told from outside."""

from typing import ClassVar

from pydantic_settings import SettingsConfigDict

from chassis.settings import ServiceSettings


class ValidationSettings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="VALIDATION_")

    service: ClassVar[str] = "validation"
    default_listen: ClassVar[str] = "127.0.0.1:8082"
