"""What is signed verifies where it arrives, and nothing else does."""

import asyncio
import re
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_ec_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import (
    RSAPrivateKey,
    RSAPrivateNumbers,
    RSAPublicNumbers,
    generate_private_key,
)
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)
from hypothesis import given
from hypothesis import strategies as st

from chassis.settings import SettingsError
from notification.headers import Sender, as_bytes
from notification.letters import AttachedPacket
from notification.post import SmtpPost, open_post
from notification.settings import NotificationSettings
from notification.signing import PrivateKey, Signer, private_key
from support.dkim_receiver import record, verifies
from support.postfix import DOMAIN, Postfix
from support.swedish_letters import LETTER, WORDS, swedish_letter

RSA = generate_private_key(65537, 2048)
ED25519 = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
KEYS = [pytest.param(RSA, id="rsa"), pytest.param(ED25519, id="ed25519")]
SEED = b64encode(bytes(range(32))).decode()

RFC_8463 = b"""\
DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s=brisbane; t=1528637909; h=from : to :
 subject : date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus
 Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==
From: Joe SixPack <joe@football.example.com>
To: Suzie Q <suzie@shopping.example.net>
Subject: Is dinner ready?
Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)
Message-ID: <20030712040037.46341.5F8J@football.example.com>

Hi.

We lost the game.  Are you hungry yet?

Joe.
"""
"""The signed letter of RFC 8463, appendix A.3."""
RFC_8463_DNS = {
    "brisbane._domainkey.football.example.com": (
        b"v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
    )
}

one_word = st.sampled_from(WORDS) | st.text("abcxyzåäöÅÄÖé0123456789-.,:;()\"'/=?_§@<>\\ \t", min_size=1)
lines = st.lists(one_word, min_size=1, max_size=14).map(" ".join)


def signing(key: PrivateKey) -> Sender:
    return Sender("Kansli Exempelkommun", f"kansli@{DOMAIN}", signer=Signer("k2026", DOMAIN, key))


def dns(key: PrivateKey) -> dict[str, bytes]:
    return {f"k2026._domainkey.{DOMAIN}": record(key)}


def pem(key: PrivateKey, encryption: KeySerializationEncryption | None = None) -> str:
    content = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption())
    return content.decode()


def test_the_receiver_of_the_tests_judges_as_the_standard_does() -> None:
    """The standard's own letter holds, and does not once a word of it is another."""
    content = RFC_8463.replace(b"\n", b"\r\n")
    assert verifies(content, RFC_8463_DNS)
    assert not verifies(content.replace(b"lost", b"won"), RFC_8463_DNS)


@pytest.mark.parametrize("key", KEYS)
async def test_a_signed_letter_verifies_after_its_way_through_a_server(key: PrivateKey) -> None:
    """As bytes and dots go through a real one, for the key in the DNS and for no other."""
    mailroom = Mailroom()
    letters = [swedish_letter(seed) for seed in range(50)]
    loop = asyncio.get_running_loop()
    async with await loop.create_server(lambda: SMTP(mailroom), "127.0.0.1", 0) as server:
        post = open_post(f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        for letter in letters:
            await post.deliver(
                as_bytes(letter, signing(key)), f"kansli@{DOMAIN}", "asa@exempel.se", letter.id
            )
        await post.close()
    assert len(mailroom.contents) == len(letters)
    assert all(verifies(content, dns(key)) for content in mailroom.contents)
    other = generate_private_key(65537, 2048) if key is RSA else Ed25519PrivateKey.generate()
    assert not verifies(mailroom.contents[0], dns(other))


async def until(there: Callable[[], bool]) -> None:
    """Wait for another process's deed, at which nothing can be awaited."""
    async with asyncio.timeout(60):
        while not there():
            await asyncio.sleep(0.05)


class Mailroom:
    """Keeps what a real server handed over after it undid the dots."""

    def __init__(self) -> None:
        self.contents: list[bytes] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        assert isinstance(envelope.content, bytes)
        self.contents.append(envelope.content)
        return "250 Ok"


@pytest.mark.timeout(240)
@pytest.mark.parametrize("key", KEYS)
async def test_a_signed_letter_verifies_in_the_mailbox_behind_postfix(
    postfix: Postfix, key: PrivateKey
) -> None:
    """The relay puts its own lines ahead of the letter and changes nothing of it."""
    post = open_post(postfix.url)
    assert isinstance(post, SmtpPost)
    letters = [replace(swedish_letter(seed), message_id=f"<s{seed}@{DOMAIN}>") for seed in range(20)]
    known = set(postfix.mails("nora"))
    for letter in letters:
        await post.deliver(as_bytes(letter, signing(key)), f"kansli@{DOMAIN}", f"nora@{DOMAIN}", letter.id)
    await post.close()
    await until(lambda: len(set(postfix.mails("nora")) - known) == len(letters))
    assert all(verifies(mail, dns(key)) for mail in set(postfix.mails("nora")) - known)


@given(subject=lines, name=lines, text=lines)
def test_every_swedish_letter_verifies(subject: str, name: str, text: str) -> None:
    """Whatever is folded and encoded in its headers, and however its lines end."""
    letter = replace(LETTER, subject=subject, recipient_name=name, text=text)
    content = as_bytes(letter, signing(ED25519))
    assert verifies(content, dns(ED25519))
    assert content.isascii()
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", content)


@pytest.mark.parametrize("key", KEYS)
def test_an_attached_packet_is_signed_with_its_letter(key: PrivateKey) -> None:
    """Nobody on the way puts other papers in their place."""
    letter = replace(LETTER, packet=AttachedPacket("handlingar.pdf", b"%PDF-1.7 " + b"paragraf " * 30))
    content = as_bytes(letter, signing(key))
    assert verifies(content, dns(key))
    word, other = b64encode(b"%PDF-1.7"[:6]), b64encode(b"%PDF-2.0"[:6])
    assert content.count(word) == 1
    assert not verifies(content.replace(word, other), dns(key))


@given(place=st.integers(min_value=0), change=st.integers(min_value=1, max_value=127))
def test_a_changed_byte_of_the_body_does_not_verify(place: int, change: int) -> None:
    """Only the amount of white space may differ, which relays touch."""
    content = bytearray(as_bytes(LETTER, signing(ED25519)))
    start = content.index(b"\r\n\r\n") + 4
    at = start + place % (len(content) - start)
    changed = content[at] ^ change
    if {content[at], changed} & set(b"\r\n\t "):
        return
    content[at] = changed
    assert not verifies(bytes(content), dns(ED25519))


@pytest.mark.parametrize(
    ("name", "other"),
    [
        (b"From: Kansli", b"From: Kanslo"),
        (b"Subject: Din", b"Subject: Min"),
        (b"To: ", b"To: X "),
        (b"Auto-Submitted: auto-generated", b"Auto-Submitted: no"),
        (b"Message-ID: <0", b"Message-ID: <1"),
    ],
)
@pytest.mark.parametrize("key", KEYS)
def test_a_changed_header_does_not_verify(key: PrivateKey, name: bytes, other: bytes) -> None:
    """What tells who wrote, to whom, of what, and that nobody need answer."""
    letter = replace(LETTER, subject="Din rapport")
    content = as_bytes(letter, signing(key))
    assert content.count(name) == 1
    assert verifies(content, dns(key))
    assert not verifies(content.replace(name, other), dns(key))


@pytest.mark.parametrize(
    "line", [b"From: x@y.example", b"Subject: Annat", b"Reply-To: x@y.example", b"In-Reply-To: <x@y>"]
)
def test_an_added_header_does_not_verify(line: bytes) -> None:
    """Neither a second one that a reader may show, nor one that we left out."""
    assert not verifies(line + b"\r\n" + as_bytes(LETTER, signing(ED25519)), dns(ED25519))


@pytest.mark.parametrize("key", KEYS)
def test_the_same_letter_is_signed_with_the_same_bytes(key: PrivateKey) -> None:
    """A letter that is sent again is the same letter; its time is when it was written."""
    content = as_bytes(LETTER, signing(key))
    assert as_bytes(replace(LETTER), signing(key)) == content
    assert f" t={int(LETTER.created_at.timestamp())};".encode() in content
    later = replace(LETTER, created_at=datetime(2026, 11, 21, tzinfo=UTC))
    assert as_bytes(later, signing(key)).split(b"\r\nFrom:")[0] != content.split(b"\r\nFrom:")[0]


def test_a_letter_that_the_relay_signs_has_no_signature_of_ours() -> None:
    """And is otherwise the same."""
    bare = as_bytes(LETTER, replace(signing(RSA), signer=None))
    assert b"DKIM-Signature" not in bare
    assert as_bytes(LETTER, signing(RSA)).endswith(bare)


def test_no_line_of_the_signature_is_long() -> None:
    """So that no relay has reason to fold it."""
    head, _ = as_bytes(LETTER, signing(RSA)).split(b"\r\nFrom:", 1)
    assert max(map(len, head.split(b"\r\n"))) <= 78


def load(monkeypatch: pytest.MonkeyPatch, **given: str) -> NotificationSettings:
    for name, value in given.items():
        monkeypatch.setenv(f"NOTIFICATION_{name}", value)
    return NotificationSettings.load(database_url="sqlite:///x.db", sender_address="kansli@kommunen.example")


@pytest.mark.parametrize("key", [SEED, pem(RSA), pem(ED25519)])
def test_a_key_comes_from_the_settings(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """For the sender's domain, and shown to nobody."""
    settings = load(monkeypatch, DKIM_SELECTOR="k2026", DKIM_KEY=key)
    signer = settings.sender.signer
    assert signer is not None
    assert (signer.selector, signer.domain) == ("k2026", "kommunen.example")
    assert key not in repr(settings)


def test_a_key_may_come_from_a_file_and_sign_for_another_domain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As secrets are mounted."""
    (tmp_path / "key").write_text(pem(RSA))
    settings = load(
        monkeypatch,
        DKIM_SELECTOR="k2026",
        DKIM_DOMAIN="post.kommunen.example",
        DKIM_KEY_FILE=str(tmp_path / "key"),
    )
    signer = settings.sender.signer
    assert signer is not None
    assert signer.domain == "post.kommunen.example"
    content = as_bytes(LETTER, settings.sender)
    assert verifies(content, {"k2026._domainkey.post.kommunen.example": record(RSA)})


def test_without_a_key_nothing_is_signed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Most relays sign themselves."""
    assert load(monkeypatch).sender.signer is None


@pytest.mark.parametrize(
    ("given_settings", "missing"),
    [
        ({"DKIM_SELECTOR": "k2026"}, "NOTIFICATION_DKIM_KEY: .*is missing"),
        ({"DKIM_DOMAIN": "kommunen.example"}, "NOTIFICATION_DKIM_KEY: .*is missing"),
        ({"DKIM_KEY": SEED}, "NOTIFICATION_DKIM_SELECTOR is missing"),
        ({"DKIM_KEY": SEED, "DKIM_DOMAIN": "kommunen.example"}, "NOTIFICATION_DKIM_SELECTOR is missing"),
        ({"DKIM_KEY": SEED, "DKIM_SELECTOR": "k; d=x"}, "NOTIFICATION_DKIM_SELECTOR"),
        ({"DKIM_KEY": SEED, "DKIM_SELECTOR": "k", "DKIM_DOMAIN": "å.se"}, "NOTIFICATION_DKIM_DOMAIN"),
    ],
)
def test_half_a_key_is_refused_at_start(
    given_settings: dict[str, str], missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what is missing."""
    with pytest.raises(SettingsError, match=missing):
        load(monkeypatch, **given_settings)


@pytest.mark.parametrize(
    "key",
    [
        "hemligt",
        SEED[:-8],
        f"å{SEED}",
        pem(RSA).replace("A", "B"),
        pem(RSA, BestAvailableEncryption(b"hemligt")),
        generate_ec_key(SECP256R1())
        .private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        .decode(),
    ],
    ids=["text", "short", "not ascii", "broken", "locked", "elliptic"],
)
def test_a_key_that_cannot_sign_is_refused_without_being_shown(
    key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At start, not at the first letter."""
    with pytest.raises(SettingsError, match="NOTIFICATION_DKIM_KEY") as refusal:
        load(monkeypatch, DKIM_SELECTOR="k2026", DKIM_KEY=key)
    assert not any(line in str(refusal.value) for line in key.splitlines())


def test_a_short_rsa_key_is_refused() -> None:
    """Receivers pass over what it signs (RFC 8301)."""
    with pytest.raises(ValueError, match="512 bits"):
        private_key(pem(short_key(*PRIMES)))


PRIMES = (
    0xF961895D0B3DAE4A9CB1FE5E310A6B1CA17BFEE01B1C9C78BC15AB94CC15E77B,
    0xC85C9927486D5F90BB9133B6C35C38E5D32C29D1E6B18214C97A5E2C645F8F39,
)


def short_key(p: int, q: int) -> RSAPrivateKey:
    """A key as nobody can generate any more."""
    d = pow(65537, -1, (p - 1) * (q - 1))
    public = RSAPublicNumbers(65537, p * q)
    return RSAPrivateNumbers(p, q, d, d % (p - 1), d % (q - 1), pow(q, -1, p), public).private_key()
