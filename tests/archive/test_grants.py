"""Which claim gives which role."""

from typing import Any

import pytest
from pydantic import SecretStr

from archive.access import ANYBODY_HERE, Person
from archive.settings import ArchiveSettings
from archive.sign_in.grants import Grants, TooManyGroups, grants_in
from chassis.settings import SettingsError

GROUP = "CN=Nämnd,OU=Kansli,DC=kommun"
TEXT = f"""
sekr=valfard:secretary; sekr = social:secretary
{GROUP}=valfard:chair
it=*:operator;
"""
ALL = {
    "oidc_issuer": "https://idp.example",
    "oidc_client_id": "kansli",
    "oidc_redirect_url": "https://kansli.example/sign-in/callback",
    "oidc_roles": "a=valfard:secretary",
}


def load(**given: Any) -> ArchiveSettings:
    return ArchiveSettings.load(database_url="sqlite:///a.db", **given)


def test_a_value_gives_its_roles() -> None:
    """It may have blanks around it, several roles, and be a group's whole name."""
    given = grants_in(TEXT)
    assert given["sekr"] == {("valfard", "secretary"), ("social", "secretary")}
    assert given[GROUP] == {("valfard", "chair")}
    assert given["it"] == {("*", "operator")}
    roles = Grants("roles", given).roles_of(["sekr", GROUP, "gone"])
    assert roles == {"valfard": {"secretary", "chair"}, "social": {"secretary"}}


@pytest.mark.parametrize("text", ["a", "a=valfard", "a=valfard:boss", "=valfard:chair", "a=:chair", "a=b=c"])
def test_what_gives_nothing_is_said(text: str) -> None:
    """With an example."""
    with pytest.raises(ValueError, match="value=committee:role"):
        grants_in(text)


@pytest.mark.parametrize(
    ("claim", "claims", "values"),
    [
        ("roles", {"roles": ["it", "annat"]}, ["it"]),
        ("roles", {"roles": "it"}, ["it"]),
        ("roles", {"roles": {"it": True}}, []),
        ("roles", {"roles": ["it", 3, None, ["sekr"]]}, ["it"]),
        ("roles", {}, []),
        ("realm_access.roles", {"realm_access": {"roles": ["it"]}}, ["it"]),
        ("realm_access.roles", {"realm_access": "it"}, []),
        ("http://schemas.example/role", {"http://schemas.example/role": "it"}, ["it"]),
        ("groups", {"groups": ["it"], "_claim_names": {"other": "src1"}}, ["it"]),
        ("roles", {"_claim_names": {"groups": "src1"}}, []),
    ],
)
def test_a_claim_is_read_as_providers_write_it(claim: str, claims: dict[str, Any], values: list[str]) -> None:
    """A text or a list, at the top or inside; what is no text gives nothing."""
    assert Grants(claim, grants_in(TEXT)).values_in(claims) == values


@pytest.mark.parametrize("claims", [{"_claim_names": {"groups": "src1"}}, {"hasgroups": True}])
def test_a_claim_left_out_for_its_length_is_told_apart(claims: dict[str, Any]) -> None:
    """From having no role: somebody else has to mend it."""
    with pytest.raises(TooManyGroups):
        Grants("groups", grants_in(TEXT)).values_in(claims)


def test_a_secretary_may_what_a_chair_may_and_an_operator_reads_nothing() -> None:
    """On her own committees alone, unless she has the role on all."""
    nora = Person("a", "Nora", {"valfard": frozenset({"secretary"})})
    doris = Person("b", "Doris", {"*": frozenset({"operator"})})
    olof = Person("c", "Olof", {"*": frozenset({"chair"})})
    assert (nora.may("chair", "valfard"), nora.may("secretary", "valfard")) == (True, True)
    assert (nora.may("chair", "social"), nora.may("operator", "valfard")) == (False, False)
    assert (doris.may("operator", "valfard"), doris.may("chair", "valfard")) == (True, False)
    assert (olof.may("chair", "social"), olof.may("secretary", "social")) == (True, False)
    assert all(ANYBODY_HERE.may(role, "valfard") for role in ("secretary", "chair", "operator"))


def test_sign_in_is_set_up_whole_or_not_at_all() -> None:
    """Half of it would leave the pages open to this machine, as if nobody had meant to close them."""
    assert load().client is None
    client = load(**ALL, oidc_client_secret=SecretStr("x")).client
    assert client is not None
    assert client.issuer == "https://idp.example"
    for name in ALL:
        rest = {other: value for other, value in ALL.items() if other != name}
        with pytest.raises(SettingsError, match=f"sign-in also needs ARCHIVE_{name.upper()}"):
            load(**rest)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("oidc_issuer", "http://idp.example", "https://"),
        ("oidc_issuer", "idp.example", "https://"),
        ("oidc_redirect_url", "http://kansli.example/sign-in/callback", "https://"),
        ("oidc_redirect_url", "https://kansli.example/", "/sign-in/callback"),
        ("oidc_redirect_url", "https://kansli.example/sign-in/callback?a=b", "/sign-in/callback"),
        ("oidc_roles", "a=valfard", "value=committee:role"),
        ("oidc_idle_minutes", 0, "greater than 0"),
    ],
)
def test_a_setting_that_would_not_do_is_refused_at_the_start(name: str, value: Any, says: str) -> None:
    """With its name and what it should be."""
    with pytest.raises(SettingsError, match=f"ARCHIVE_{name.upper()}.*{says}"):
        load(**{**ALL, name: value})
