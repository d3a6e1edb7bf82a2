"""All that notification can be told from outside."""

from typing import ClassVar

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import SettingsConfigDict

from chassis.settings import ServiceSettings
from notification.arrivals import mailbox_at
from notification.delivery import OnUncertain
from notification.post import open_post


class NotificationSettings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="NOTIFICATION_")

    service: ClassVar[str] = "notification"
    default_listen: ClassVar[str] = "127.0.0.1:8083"

    smtp_url: SecretStr = Field(
        default=SecretStr("smtp://127.0.0.1:25"),
        description="The mail relay: smtp://…, smtps://…, or file:///folder for .eml files",
    )
    sender_name: str = Field(default="Kansli", max_length=29, description="The name that letters come from")
    sender_address: str = Field(
        default="kansli@kommunen.example", description="The address that letters come from, and bounces go to"
    )
    reply_to: str | None = Field(default=None, description="A manned address for answers")
    pages_url: str = Field(
        default="http://127.0.0.1:8084",
        description="Where the secretary's pages are, for the links in letters",
    )
    letters_at_once: int = Field(default=4, ge=1, le=50, description="How many letters are sent side by side")

    on_uncertain: OnUncertain = Field(
        default=OnUncertain.RESEND,
        description=(
            "A letter that the relay may have or not: resend (the same letter, three times at most)"
            " or hold (for a person at the desk)"
        ),
    )

    bounces: SecretStr | None = Field(
        default=None,
        description=(
            "The mailbox of the sender's address, where reports of delivery come in: maildir:///folder or"
            " imaps://user:password@host/INBOX (?put-away=Folder); without it a letter is known to be sent,"
            " not to have arrived"
        ),
    )

    @field_validator("bounces")
    @classmethod
    def _a_mailbox_that_can_be(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            mailbox_at(value.get_secret_value())
        return value

    @field_validator("smtp_url")
    @classmethod
    def _a_post_that_there_is(cls, value: SecretStr) -> SecretStr:
        open_post(value.get_secret_value())
        return value
