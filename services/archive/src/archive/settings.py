"""All that the archive can be told from outside."""

from datetime import timedelta
from typing import ClassVar, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import SettingsConfigDict

from archive.sign_in.client import Client, safe_address
from archive.sign_in.grants import Grants, grants_in
from archive.sign_in.sessions import Lifetime
from archive.web.desks import desks_in, tokens_in
from chassis.objects_key import OBJECTS_KEY, ObjectsKey
from chassis.settings import ServiceSettings

CALLBACK = "/sign-in/callback"
_NEEDED_TO_SIGN_IN = ("oidc_issuer", "oidc_client_id", "oidc_redirect_url", "oidc_roles")


class ArchiveSettings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="ARCHIVE_")

    service: ClassVar[str] = "archive"
    default_listen: ClassVar[str] = "127.0.0.1:8084"

    objects: str = Field(
        default="file:///var/lib/kansli/objects",
        description="Where attachments and packets lie: file:///… or s3://…, the same as intake's",
    )
    objects_key: ObjectsKey | None = Field(default=None, description=OBJECTS_KEY)
    sealing_key: SecretStr | None = Field(
        default=None,
        description="Seals what was masked: any text, several divided by ',' while rotating (newest first); "
        "without it, a key is made and kept in the database",
    )
    desks: str = Field(
        default="",
        description="Where the operators' page asks what is parked: intake=http://host:port, several "
        "divided by ','; without it, the page shows the archive's own desk",
    )
    desks_tokens: SecretStr | None = Field(
        default=None,
        description="What lets the archive in at those desks, the look token of each service: intake=…, "
        "several divided by ',' or lines; one that is not named is asked without",
    )
    oidc_issuer: str = Field(
        default="",
        description="The identity provider's issuer, exactly as it names itself: https://…; "
        "without it nobody signs in, and the pages are shown on this machine only",
    )
    oidc_client_id: str = Field(default="", description="What Kansli is called at the identity provider")
    oidc_client_secret: SecretStr | None = Field(
        default=None, description="Kansli's secret at the identity provider, where it gave one"
    )
    oidc_redirect_url: str = Field(
        default="",
        description=f"Where the provider sends people back, as registered there: https://host{CALLBACK}; "
        "its scheme and host are the pages' own",
    )
    oidc_scopes: str = Field(
        default="openid profile", description="What the provider is asked to tell, divided by blanks"
    )
    oidc_roles_claim: str = Field(
        default="roles",
        description="The claim of the ID token that gives roles; one inside others has dots "
        "(realm_access.roles)",
    )
    oidc_roles: str = Field(
        default="",
        description="What the claim's values give: value=committee:role, divided by ';' or lines; "
        "the committee is an id or *, the role secretary, chair (reads) or operator",
    )
    oidc_idle_minutes: float = Field(
        default=60, gt=0, description="Minutes without a request after which a person is signed out"
    )
    oidc_absolute_hours: float = Field(
        default=10, gt=0, description="Hours after which a person is signed out, whatever she does"
    )

    @field_validator("desks")
    @classmethod
    def _desks_that_can_be_asked(cls, value: str) -> str:
        desks_in(value)
        return value

    @field_validator("desks_tokens")
    @classmethod
    def _tokens_that_can_be_sent(cls, value: SecretStr | None) -> SecretStr | None:
        tokens_in(value)
        return value

    @field_validator("oidc_issuer", "oidc_redirect_url")
    @classmethod
    def _safe_or_none(cls, value: str) -> str:
        return safe_address(value) if value else value

    @field_validator("oidc_redirect_url")
    @classmethod
    def _ours(cls, value: str) -> str:
        parts = urlsplit(value)
        if value and (parts.path != CALLBACK or parts.query or parts.fragment):
            raise ValueError(f"must end with {CALLBACK}")
        return value

    @field_validator("oidc_roles")
    @classmethod
    def _readable(cls, value: str) -> str:
        grants_in(value)
        return value

    @model_validator(mode="after")
    def _all_or_nothing(self) -> Self:
        """Half a sign-in would look like none, which is open to this machine."""
        missing = [name for name in _NEEDED_TO_SIGN_IN if not getattr(self, name)]
        if 0 < len(missing) < len(_NEEDED_TO_SIGN_IN):
            names = ", ".join(f"ARCHIVE_{name.upper()}" for name in missing)
            raise ValueError(f"sign-in also needs {names}")
        return self

    @property
    def client(self) -> Client | None:
        """What the archive is to the identity provider, where there is one."""
        if not self.oidc_issuer:
            return None
        return Client(
            self.oidc_issuer,
            self.oidc_client_id,
            self.oidc_client_secret,
            self.oidc_redirect_url,
            self.oidc_scopes,
        )

    @property
    def grants(self) -> Grants:
        return Grants(self.oidc_roles_claim, grants_in(self.oidc_roles))

    @property
    def lifetime(self) -> Lifetime:
        idle = timedelta(minutes=self.oidc_idle_minutes)
        return Lifetime(idle, timedelta(hours=self.oidc_absolute_hours))
