"""Hiding what looks like a personnummer wherever a text is shown before a person has decided."""

import re
import unicodedata
from typing import Any

MASK = "••••••-••••"

_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
"""Soft hyphens, zero-width spaces and marks of direction, behind which a number could hide."""

_LIKE_A_PERSONAL_NUMBER = re.compile(
    r"""
    (?<!\d) (?:\d\d[-\s.]?)?
    \d\d [-\s.]? \d\d [-\s.]? \d\d
    \s{0,3} [-+‐‑‒–—−]? \s{0,3}
    \d{4} (?!\d)
    """,
    re.VERBOSE,
)
"""Every repetition is bounded, so that the search is linear in the text whatever the text is."""


def masked(text: str) -> str:
    """The text without whatever could be a personnummer or samordningsnummer, in any spelling.

    Wider than the rule that holds a report: a case number hidden for a while does no harm.
    """
    seen = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text))
    hidden = _LIKE_A_PERSONAL_NUMBER.sub(MASK, seen)
    return text if hidden == seen else hidden


def masked_throughout(content: Any) -> Any:
    """The same structure, with every text in it masked; keys stay."""
    if isinstance(content, str):
        return masked(content)
    if isinstance(content, dict):
        return {key: masked_throughout(value) for key, value in content.items()}
    return [masked_throughout(item) for item in content] if isinstance(content, list) else content
