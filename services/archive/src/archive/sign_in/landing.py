"""Where a person lands after the sign-in: on the page she asked for, if it is one of ours."""

import re
from urllib.parse import unquote

START = "/"
LONGEST = 2000
"""Characters; longer than any address of ours, which end with a date or an id."""

_PATH = re.compile(r"/[A-Za-z0-9\-._~!$&'()*+,;=:@%/?]*")
"""A path and a query as RFC 3986 writes them: no white space, which browsers drop, and no backslash."""


def landing(asked: str) -> str:
    r"""The address asked for if it is a path on this very site, else the start page.

    Browsers read `//evil.example` and `/\evil.example` as another site's address; so that nobody between
    can unfold one, neither may stand anywhere in it, nor be escaped in it.
    """
    fits = len(asked) <= LONGEST and _PATH.fullmatch(asked)
    return asked if fits and not _leads_away(asked) and not _leads_away(unquote(asked)) else START


def _leads_away(address: str) -> bool:
    path = address.partition("?")[0]
    return "//" in path or "\\" in path or not path.isprintable() or "/.." in path
