"""Which claim of the provider gives which role on which committee."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, get_args

from archive.access import Role

_EXAMPLE = "valfard-sekreterare=valfard:secretary; it-drift=*:operator"


class TooManyGroups(Exception):
    """The provider has left the claim out, since it would be too long, and names where to ask instead."""


@dataclass(frozen=True)
class Grants:
    """`claim` is its name, or a path with dots; `given` are the roles by what the claim may hold."""

    claim: str
    given: Mapping[str, frozenset[tuple[str, Role]]] = field(repr=False)

    def values_in(self, claims: Mapping[str, Any]) -> list[str]:
        """What the claim holds that gives a role here; the rest is nobody's business here.

        Raises:
            TooManyGroups: Entra leaves a claim of more than 200 groups out and says so in `_claim_names`.
        """
        found = _found(claims, self.claim)
        if found is None and _is_left_out(claims, self.claim):
            raise TooManyGroups
        told = [found] if isinstance(found, str) else found
        values = (value for value in told if isinstance(value, str)) if isinstance(told, list) else ()
        return sorted(self.given.keys() & set(values))

    def roles_of(self, values: Iterable[str]) -> dict[str, frozenset[Role]]:
        """The roles by committee that the values give now; one that is given no longer gives none."""
        roles: dict[str, frozenset[Role]] = {}
        for value in values:
            for committee, role in self.given.get(value, ()):
                roles[committee] = roles.get(committee, frozenset()) | {role}
        return roles


def grants_in(text: str) -> dict[str, frozenset[tuple[str, Role]]]:
    """Read `value=committee:role; …`, also one a line; a value may hold `=` and stand more than once.

    Raises:
        ValueError: naming the entry that is none.
    """
    given: dict[str, frozenset[tuple[str, Role]]] = {}
    for entry in filter(None, map(str.strip, text.replace("\n", ";").split(";"))):
        value, _, grant = entry.rpartition("=")
        committee, _, role = (part.strip() for part in grant.rpartition(":"))
        if not value.strip() or not committee or role not in _ROLES:
            raise ValueError(f"{entry!r} is no value=committee:role, such as {_EXAMPLE}")
        given[value.strip()] = given.get(value.strip(), frozenset()) | {(committee, _ROLES[role])}
    return given


_ROLES: Mapping[str, Role] = {role: role for role in get_args(Role)}


def _found(claims: Mapping[str, Any], name: str) -> Any:
    """The claim of that very name, which may be a URL; else one inside others (`realm_access.roles`)."""
    if name in claims:
        return claims[name]
    found: Any = claims
    for part in name.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _is_left_out(claims: Mapping[str, Any], name: str) -> bool:
    elsewhere = claims.get("_claim_names")
    return bool(claims.get("hasgroups")) or (isinstance(elsewhere, Mapping) and name in elsewhere)
