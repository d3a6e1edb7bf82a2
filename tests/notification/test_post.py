"""What is known of a letter after it was handed over, on each road it can take."""

import asyncio
import re
import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notification.post import (
    Deferred,
    EmlFolder,
    NotDelivered,
    NotYet,
    Receipt,
    Refused,
    Relay,
    SmtpPost,
    StartTls,
    Uncertain,
    UnknownPost,
    Unreached,
    Unsent,
    open_post,
    xtext,
)
from support.smtp_sink import Act, Script, SmtpSink

LETTER = b"Subject: Hej\r\n\r\nEn rad.\r\n.\r\n..Punkter.\r\n"
SENDER = "kansli@exempel.se"
RECIPIENT = "asa@exempel.se"
LETTER_ID = "0198f4a2.1.filed.c62209927e2150ec"


def post_to(sink: SmtpSink, *, command: float = 5, final: float = 5) -> SmtpPost:
    relay = Relay("127.0.0.1", sink.port, starttls=StartTls.IF_OFFERED)
    return SmtpPost(relay, command_timeout=command, final_timeout=final)


async def send(post: SmtpPost) -> Receipt:
    return await post.deliver(LETTER, SENDER, RECIPIENT, LETTER_ID)


async def test_a_relay_takes_the_letter_with_its_dots_and_answers_with_its_number() -> None:
    """A line that is only a dot does not end the letter, and the answer is kept."""
    async with SmtpSink() as sink:
        receipt = await send(post_to(sink))
    (mail,) = sink.mails
    assert Receipt("2.0.0 Ok: queued as 4711") == receipt
    assert (mail.sender, mail.recipients, mail.content) == (SENDER, (RECIPIENT,), LETTER)


@pytest.mark.parametrize(
    ("script", "error", "step", "code"),
    [
        ({"MAIL": "451 4.7.1 senare"}, Deferred, "MAIL", 451),
        ({"RCPT": "450 4.2.1 grålistad"}, Deferred, "RCPT", 450),
        ({"DATA": "421 4.3.2 stänger"}, Deferred, "DATA", 421),
        ({"dot": "452 4.3.1 fullt"}, Deferred, "dot", 452),
        ({"MAIL": "552 5.3.4 för stort"}, Refused, "MAIL", 552),
        ({"RCPT": "550 5.1.1 <asa@exempel.se> finns inte"}, Refused, "RCPT", 550),
        ({"DATA": "554 5.5.1 nej"}, Refused, "DATA", 554),
        ({"dot": "554 5.7.1 skräp"}, Refused, "dot", 554),
        ({"banner": "421 upptagen"}, Unreached, "connect", 421),
        ({"banner": "554 ingen post här"}, Unreached, "connect", 554),
        ({"DATA": "250 oväntat"}, Unsent, "DATA", 250),
        ({"dot": "354 oväntat"}, Uncertain, "dot", 354),
        ({"banner": Act.DROP}, Unreached, "connect", None),
        ({"EHLO": Act.DROP}, Unreached, "EHLO", None),
        ({"RCPT": Act.DROP}, Unsent, "RCPT", None),
        ({"DATA": Act.DROP}, Unsent, "DATA", None),
        ({"dot": Act.DROP}, Uncertain, "dot", None),
        ({"dot": "skräp"}, Uncertain, "dot", None),
    ],
    ids=str,
)
async def test_each_answer_and_each_loss_is_told_for_what_it_is(
    script: Script, error: type[NotDelivered], step: str, code: int | None
) -> None:
    """Never, not yet and not known are three different things."""
    async with SmtpSink(script) as sink:
        with pytest.raises(NotDelivered) as fault:
            await send(post_to(sink))
    assert (error, step, code) == (type(fault.value), fault.value.step, fault.value.code)
    assert RECIPIENT not in str(fault.value)
    assert fault.value.__context__ is None or fault.value.__suppress_context__


@pytest.mark.parametrize("script", [{"dot": Act.DROP}, {"dot": Act.HANG}], ids=str)
async def test_a_letter_whose_answer_was_lost_may_have_arrived(script: Script) -> None:
    """The relay has it, and we must not say that it has not."""
    async with SmtpSink(script) as sink:
        with pytest.raises(Uncertain):
            await send(post_to(sink, final=0.1))
    assert [mail.content for mail in sink.mails] == [LETTER]


@pytest.mark.parametrize("step", ["banner", "EHLO", "MAIL", "RCPT", "DATA"])
async def test_a_relay_that_falls_silent_before_the_dot_has_no_letter(step: str) -> None:
    """The wait ends and the letter may safely be sent again."""
    async with SmtpSink({step: Act.HANG}) as sink:  # type: ignore[dict-item]
        with pytest.raises(Unsent):
            await send(post_to(sink, command=0.1))
    assert not sink.mails


async def test_a_slow_answer_to_the_dot_is_waited_for() -> None:
    """A relay may take minutes for its yes; the time for a command is not the time for that."""
    async with SmtpSink({"dot": Act.HANG}) as sink:
        sending = asyncio.create_task(send(post_to(sink, command=0.2, final=30)))
        await sink.reached.wait()
        _, waiting = await asyncio.wait([sending], timeout=0.4)
        assert waiting
        sink.resume.set()
        assert "queued" in (await sending).answer


async def test_a_relay_that_says_goodbye_badly_has_taken_the_letter_all_the_same() -> None:
    """What happens after the yes changes nothing."""
    async with SmtpSink({"MAIL": "250 Ok", "QUIT": Act.DROP}) as sink:  # type: ignore[dict-item]
        assert "queued" in (await send(post_to(sink))).answer


async def test_a_relay_that_is_not_there_has_no_letter(unused_tcp_port: int) -> None:
    """A refused connection is no fault of the letter."""
    with pytest.raises(Unsent, match="connect: SMTPConnectError"):
        await send(SmtpPost(Relay("127.0.0.1", unused_tcp_port, starttls=StartTls.NEVER)))


async def test_nothing_is_said_in_clear_where_encryption_is_required() -> None:
    """A relay that offers none, or whose offer was taken out on the road, learns no password."""
    async with SmtpSink({"EHLO": "250-sink\r\n250 AUTH PLAIN"}) as sink:
        relay = Relay("127.0.0.1", sink.port, user="kansli", password="hemligt")
        with pytest.raises(Unsent, match="STARTTLS"):
            await send(SmtpPost(relay))
    assert {"EHLO"} == {command.split()[0] for command in sink.commands}


async def test_a_wrong_password_is_not_the_letters_fault() -> None:
    """It is mended in the settings, and the letters wait."""
    async with SmtpSink({"EHLO": "250-sink\r\n250 AUTH PLAIN", "AUTH": "535 fel"}) as sink:  # type: ignore[dict-item]
        relay = Relay("127.0.0.1", sink.port, starttls=StartTls.NEVER, user="k", password="h")
        with pytest.raises(Unsent, match="AUTH: 535"):
            await send(SmtpPost(relay))


async def test_a_relay_that_offers_dsn_is_told_the_letters_id() -> None:
    """A report then comes whatever happens, names the letter, and does not carry its text."""
    async with SmtpSink({"EHLO": "250-sink\r\n250 DSN"}) as sink:
        await send(post_to(sink))
    assert f"MAIL FROM:<{SENDER}> RET=HDRS ENVID={LETTER_ID}" in sink.commands
    news = "NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=rfc822;asa@exempel.se"
    assert f"RCPT TO:<{RECIPIENT}> {news}" in sink.commands


@given(st.text(st.characters(max_codepoint=0x7E), max_size=40))
def test_what_a_relay_is_told_in_an_option_can_be_read_back(text: str) -> None:
    """No space or line end ends the option (RFC 3461 § 4)."""
    told = xtext(text)
    assert all("!" <= character <= "~" and character != "=" for character in told)
    assert re.sub(r"\+([0-9A-F]{2})", lambda code: chr(int(code[1], 16)), told) == text


async def test_what_is_no_address_never_reaches_the_relay() -> None:
    """A second command in an address is refused here."""
    async with SmtpSink() as sink:
        with pytest.raises(Refused, match="RCPT: not an address"):
            await post_to(sink).deliver(LETTER, SENDER, "a> SIZE=1", LETTER_ID)
    assert not sink.commands


async def test_letters_one_after_another_go_on_one_line() -> None:
    """Coming in costs more than a letter; RSET lets the relay forget the one before."""
    async with SmtpSink({"RCPT": "450 grålistad"}) as sink:
        post = post_to(sink)
        for _ in range(3):
            with pytest.raises(Deferred):
                await send(post)
        sink.script = {}
        await send(post)
        await post.close()
    verbs = [command.split()[0] for command in sink.commands]
    assert (verbs.count("EHLO"), verbs.count("RSET"), verbs.count("QUIT")) == (1, 3, 1)
    assert len(sink.mails) == 1


@pytest.mark.parametrize(
    "script",
    [{"RSET": Act.DROP}, {"RSET": "421 stänger"}, {"MAIL": Act.DROP}, {"MAIL": "421 stänger"}],
    ids=str,
)
async def test_a_line_that_broke_between_two_letters_costs_the_second_nothing(
    script: dict[str, str | Act],
) -> None:
    """It goes on a new line at once: once taken, never doubled."""
    async with SmtpSink() as sink:
        post = post_to(sink)
        await send(post)
        sink.once = {**script}
        await send(post)
        await post.close()
    assert len(sink.mails) == 2
    assert [command.split()[0] for command in sink.commands].count("EHLO") == 2


async def test_a_line_that_nobody_needs_is_hung_up() -> None:
    """A relay has few places, and an idle one is somebody else's."""
    async with SmtpSink() as sink:
        relay = Relay("127.0.0.1", sink.port, starttls=StartTls.NEVER)
        await send(SmtpPost(relay, idle=0.05))
        async with asyncio.timeout(5):
            while sink.open_lines:
                await asyncio.sleep(0.01)


async def test_many_letters_go_out_at_once() -> None:
    """Each on its own connection, none in another's way."""
    async with SmtpSink() as sink:
        post = post_to(sink)
        letters = [b"Subject: %d\r\n\r\n" % number for number in range(60)]
        await asyncio.gather(*(post.deliver(one, SENDER, RECIPIENT, "x") for one in letters))
    assert set(letters) == {mail.content for mail in sink.mails}


@given(st.binary(max_size=200))
def test_a_letters_lines_never_end_it_early(content: bytes) -> None:
    """Undoing the dots gives the letter back, with whole line ends (RFC 5321 § 4.5.2)."""
    from notification.post import _with_dot

    *lines, dot, end = _with_dot(content).split(b"\r\n")
    assert (dot, end) == (b".", b"")
    assert b"." not in lines
    assert content.splitlines() == [line.removeprefix(b".") for line in lines]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a certificate for localhost that only the test trusts."""
    path = tmp_path_factory.mktemp("tls") / "relay.pem"
    name = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command = ["openssl", "req", "-x509", *key, *name, "-days", "2", "-keyout", str(path), "-out"]
    subprocess.run([*command, f"{path}.crt"], check=True, capture_output=True)
    path.write_bytes(path.read_bytes() + Path(f"{path}.crt").read_bytes())
    return path


@pytest.mark.parametrize("trusts", [True, False])
async def test_starttls_is_used_with_a_trusted_relay_only(certificate: Path, trusts: bool) -> None:
    """An offered STARTTLS is taken, and a stranger's certificate ends the conversation."""
    from aiosmtpd.handlers import Sink
    from aiosmtpd.smtp import SMTP

    server_tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server_tls.load_cert_chain(certificate)
    ours = ssl.create_default_context(cafile=str(certificate) if trusts else None)
    factory: Callable[[], SMTP] = lambda: SMTP(  # noqa: E731
        Sink(), tls_context=server_tls, require_starttls=True
    )
    loop = asyncio.get_running_loop()
    async with await loop.create_server(factory, "localhost", 0, family=2) as server:
        post = SmtpPost(Relay("localhost", server.sockets[0].getsockname()[1]), tls=ours)
        if trusts:
            assert "OK" in (await send(post)).answer
        else:
            with pytest.raises(Unsent, match="STARTTLS"):
                await send(post)


async def test_a_letter_laid_in_the_folder_twice_is_one_file(tmp_path: Path) -> None:
    """A repetition after a crash replaces what is there, and leaves nothing half written."""
    post = open_post(f"file://{tmp_path}/l%C3%A5da/brev")
    for _ in range(2):
        receipt = await post.deliver(LETTER, SENDER, RECIPIENT, LETTER_ID)
    folder = tmp_path / "låda" / "brev"
    assert [f"{LETTER_ID}.eml"] == [path.name for path in folder.iterdir()]
    assert (LETTER, f"{LETTER_ID}.eml") == ((folder / receipt.answer).read_bytes(), receipt.answer)


async def test_a_folder_that_cannot_be_written_keeps_the_letter_ours(tmp_path: Path) -> None:
    """A full or closed disk is a matter of later, not of never."""
    (tmp_path / "brev").write_text("not a folder")
    with pytest.raises(NotYet, match="write: "):
        await EmlFolder(tmp_path / "brev").deliver(LETTER, SENDER, RECIPIENT, LETTER_ID)


@pytest.mark.parametrize("letter_id", ["../x", "a/b", "", ".dold", "a\nb"])
async def test_a_letter_cannot_be_laid_outside_its_folder(tmp_path: Path, letter_id: str) -> None:
    """An id that is no file name is a fault of ours."""
    with pytest.raises(ValueError, match="cannot name a file"):
        await EmlFolder(tmp_path).deliver(LETTER, SENDER, RECIPIENT, letter_id)


@pytest.mark.parametrize(
    ("url", "relay"),
    [
        ("smtp://127.0.0.1:2525", Relay("127.0.0.1", 2525, starttls=StartTls.IF_OFFERED)),
        ("smtp://localhost", Relay("localhost", 25, starttls=StartTls.IF_OFFERED)),
        ("smtp://[::1]:26", Relay("::1", 26, starttls=StartTls.IF_OFFERED)),
        ("smtp://post.exempel.se", Relay("post.exempel.se", 25)),
        ("smtp://10.0.0.5?starttls=never", Relay("10.0.0.5", 25, starttls=StartTls.NEVER)),
        (
            "smtps://a%40b:p%3Aw@post.exempel.se",
            Relay("post.exempel.se", 465, True, user="a@b", password="p:w"),
        ),
    ],
)
def test_an_address_tells_how_to_speak_with_the_relay(url: str, relay: Relay) -> None:
    """Encryption is required of everyone but loopback, unless it is said otherwise."""
    post = open_post(url)
    assert isinstance(post, SmtpPost)
    assert relay == post.relay


@pytest.mark.parametrize(
    "url",
    [
        "http://u:hemligt@post.exempel.se",
        "smtp://u:hemligt@",
        "smtp://u:hemligt@post.exempel.se:x",
        "smtp://u:hemligt@post.exempel.se?starttls=hemligt1",
        "smtp://u:hemligt@post.exempel.se?tls=no",
        "file://var/kansli",
        "file:brev",
        "",
    ],
)
def test_an_unknown_post_office_is_refused_without_its_password(url: str) -> None:
    """The message may be logged."""
    with pytest.raises(UnknownPost) as refusal:
        open_post(url)
    assert "hemligt@" not in str(refusal.value)
