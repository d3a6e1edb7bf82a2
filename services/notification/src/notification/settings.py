"""All that notification can be told from outside."""

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import SettingsConfigDict

from chassis.objects_key import OBJECTS_KEY, ObjectsKey
from chassis.settings import ServiceSettings
from notification.arrivals import mailbox_at
from notification.delivery import OnUncertain
from notification.headers import Sender
from notification.letters import Line
from notification.post import open_post
from notification.recipients import Mailbox

if TYPE_CHECKING:
    from notification.signing import Signer

_DNS_NAME = r"^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$"


class NotificationSettings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="NOTIFICATION_")

    service: ClassVar[str] = "notification"
    default_listen: ClassVar[str] = "127.0.0.1:8083"

    smtp_url: SecretStr = Field(
        default=SecretStr("smtp://127.0.0.1:25"),
        description="The mail relay: smtp://…, smtps://…, or file:///folder for .eml files",
    )
    sender_name: Line = Field(default="Kansli", max_length=29, description="The name that letters come from")
    sender_address: Mailbox = Field(
        default="kansli@kommunen.example", description="The address that letters come from, and bounces go to"
    )
    reply_to: Mailbox | None = Field(default=None, description="A manned address for answers")
    dkim_selector: str | None = Field(
        default=None,
        pattern=_DNS_NAME,
        max_length=63,
        description="Under which name the key that signs letters is in the DNS; without it the relay signs",
    )
    dkim_domain: str | None = Field(
        default=None,
        pattern=_DNS_NAME,
        max_length=253,
        description="The domain that letters are signed for, if it is not the sender's",
    )
    dkim_key: SecretStr | None = Field(
        default=None,
        validate_default=True,
        description="The private key that signs letters: PEM, or the seed of an Ed25519 key in base64",
    )
    pages_url: str = Field(
        default="http://127.0.0.1:8084",
        description="Where the secretary's pages are, for the links in letters",
    )
    objects: str | None = Field(
        default=None,
        pattern=r"^(?:file:///|s3://).",
        description=(
            "Where packets lie: file:///… or s3://…, the same as the archive's; for committees with"
            " notify.attach_packet, whose letters go without the file otherwise"
        ),
    )
    objects_key: ObjectsKey | None = Field(
        default=None, description=f"{OBJECTS_KEY}; one that may read is enough"
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

    @property
    def sender(self) -> Sender:
        unsigned = Sender(self.sender_name, self.sender_address, self.reply_to)
        if self.dkim_selector is None or self.dkim_key is None:
            return unsigned
        signer = _signer(self.dkim_selector, self.dkim_domain or unsigned.domain, self.dkim_key)
        return replace(unsigned, signer=signer)

    @field_validator("dkim_key")
    @classmethod
    def _a_key_that_signs(cls, value: SecretStr | None, others: ValidationInfo) -> SecretStr | None:
        """The key and the selector go together; the domain means nothing without them."""
        named = [name for name in ("dkim_selector", "dkim_domain") if others.data.get(name)]
        if value is None and named:
            raise ValueError(f"is missing; {_listed(named)} cannot sign letters without it")
        if value is not None:
            _signer("", "", value)
            if others.data.get("dkim_selector") is None:
                raise ValueError("signs nothing while NOTIFICATION_DKIM_SELECTOR is missing")
        return value

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


def _signer(selector: str, domain: str, key: SecretStr) -> "Signer":
    """Loaded only where letters are signed here: what signs takes 10 MB. Raises `ValueError`."""
    from notification.signing import Signer, private_key  # noqa: PLC0415

    return Signer(selector, domain, private_key(key.get_secret_value()))


def _listed(fields: list[str]) -> str:
    return " and ".join(f"NOTIFICATION_{field.upper()}" for field in fields)
