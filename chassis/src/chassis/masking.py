"""Hiding what looks like a personnummer wherever a text is shown before a person has decided."""

import re
from typing import Any

MASK = "••••••-••••"

_DASH = r"[-+‐‑‒–—−]"
_LIKE_A_PERSONAL_NUMBER = re.compile(
    rf"(?<!\d)(?:\d{{2}}[-\s]?)?\d{{2}}-?\d{{2}}-?\d{{2}}\s*{_DASH}?\s*\d{{4}}(?!\d)"
)


def masked(text: str) -> str:
    """The text without whatever could be a personnummer or samordningsnummer, in any spelling.

    Wider than the rule that holds a report: a case number hidden for a while does no harm.
    """
    return _LIKE_A_PERSONAL_NUMBER.sub(MASK, text)


def masked_throughout(content: Any) -> Any:
    """The same structure, with every text in it masked; keys stay."""
    if isinstance(content, str):
        return masked(content)
    if isinstance(content, dict):
        return {key: masked_throughout(value) for key, value in content.items()}
    return [masked_throughout(item) for item in content] if isinstance(content, list) else content
