"""Where a sign-in may lead: never to another site."""

from urllib.parse import quote, urljoin, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from yarl import URL

from archive.sign_in.landing import START, landing

OURS = "https://kansli.kommun.example"
EVIL = st.sampled_from(
    ["//", "\\", "/", "\t", "\n", "\r", " ", "%", "%2f", "%5C", "%09", "..", ".", "@", ":", "?"]
)
PIECES = st.lists(
    EVIL | st.sampled_from(["evil.example", "https:", "javascript:", "a", "å", "\x00"]), max_size=8
)


def as_browsers_read(address: str) -> str:
    """Without what the URL standard drops (blanks at the ends, tab, newline), and with backslashes turned."""
    kept = address.strip("".join(map(chr, range(33))))
    return kept.translate({9: None, 10: None, 13: None}).replace("\\", "/")


@pytest.mark.parametrize(
    "address",
    [
        "/",
        "/committees/valfard",
        "/committees/valfard/meetings/2026-12-09?visa=alla",
        "/v1/reports/a-1/report.pdf",
    ],
)
def test_our_own_pages_are_kept(address: str) -> None:
    """As they were asked for."""
    assert landing(address) == address


@pytest.mark.parametrize(
    "address",
    [
        "",
        "evil.example",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\/evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "/%2F/evil.example",
        "/%2fevil.example",
        "/%5Cevil.example",
        "/%09/evil.example",
        "/..//evil.example",
        "/a/%2e%2e//evil.example",
        "https://evil.example",
        "https:evil.example",
        "javascript:alert(1)",
        " //evil.example",
        "/\r\nSet-Cookie: a=b",
        "/" + "a" * 2000,
    ],
)
def test_what_might_be_another_site_becomes_the_start_page(address: str) -> None:
    """Also in the writings that only some browser or proxy unfolds."""
    assert landing(address) == START


@given(st.text(max_size=60) | PIECES.map("".join) | PIECES.map(lambda pieces: "/" + "".join(pieces)))
@example("/%2f%2fevil.example")
@example("//evil.example/%2f..")
@example("/?//evil.example")
def test_no_text_leads_to_another_site(asked: str) -> None:
    """As it stands, as a browser reads it, and unfolded once or twice by whoever stands between."""
    lands = landing(asked)
    for read in (lands, as_browsers_read(lands)):
        assert urlsplit(urljoin(OURS, read))[:2] == urlsplit(OURS)[:2]
        assert URL(OURS).join(URL(read)).origin() == URL(OURS)
    assert lands.startswith("/")
    assert not lands.startswith(("//", "/\\"))
    assert lands.isascii()
    assert lands.isprintable()


@given(st.from_regex(r"(/[a-zåäö0-9 -]{1,12}){1,5}", fullmatch=True))
def test_every_path_that_a_browser_asks_us_for_is_kept(path: str) -> None:
    """Escaped as it comes."""
    assert landing(quote(path)) == quote(path)
