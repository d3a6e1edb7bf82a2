"""Who is let in: by a key in two spellings, by a signature, and by nothing else."""

import base64
import hashlib
import hmac
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, tzinfo
from pathlib import Path
from typing import Any, Self

import pytest
import standardwebhooks.webhooks
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from chassis.callers import Allowance, Caller, Callers, key_of, load_callers
from chassis.folders import BrokenFolder
from support.lone_service import LoneService
from support.platforms import KEY, WEBHOOK_SECRET, ask, envelope, hash_of, post

TODAY = date(2026, 11, 20)
ID, MOMENT = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330
BODY, SIGNATURE = b'{"test": 2432232314}', "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(*callers: dict[str, Any]) -> Path:
        (tmp_path / "callers.yaml").write_text(yaml.safe_dump({"callers": list(callers)}), "utf-8")
        return tmp_path

    return write


@pytest.fixture
def signing(write: Write, monkeypatch: pytest.MonkeyPatch) -> Callers:
    monkeypatch.setenv("PROV_WEBHOOK_SECRET", WEBHOOK_SECRET)
    folder = write({"id": "signerar", "webhook_secrets": ["env:PROV_WEBHOOK_SECRET"], "forms": ["*"]})
    return load_callers(folder, TODAY)


def signature(body: bytes, identity: str, moment: int, secret: str = WEBHOOK_SECRET) -> str:
    """By the standard's text and not by the library that is tested."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    content = b".".join([identity.encode(), str(moment).encode(), body])
    return "v1," + base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()


def signed(body: bytes, late_s: int = 0, **changed: str) -> dict[str, str]:
    moment = int(time.time()) - late_s
    return {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(moment),
        "webhook-signature": signature(body, "msg_1", moment),
        **{name.replace("_", "-"): value for name, value in changed.items()},
    }


class AtTheTimeOfTheVector(datetime):
    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        return cls.fromtimestamp(MOMENT + 60, tz or UTC)


def test_the_vector_of_standard_webhooks_is_recognised(
    signing: Callers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The published secret, id, time and body give the published signature, to us and to the library."""
    monkeypatch.setattr(standardwebhooks.webhooks, "datetime", AtTheTimeOfTheVector)
    assert signature(BODY, ID, MOMENT) == SIGNATURE
    headers = {"webhook-id": ID, "webhook-timestamp": str(MOMENT), "webhook-signature": SIGNATURE}
    caller = signing.who_signed(BODY, headers)
    assert caller is not None
    assert caller.id == "signerar"
    assert signing.who_signed(BODY + b" ", headers) is None


def test_one_of_several_signatures_is_enough(signing: Callers) -> None:
    """While a secret is rotated a sender signs with both; signatures of other kinds are passed over."""
    headers = signed(BODY)
    both = f"v1a,{'A' * 88} {signature(BODY, 'msg_1', 1)} {headers['webhook-signature']}"
    assert signing.who_signed(BODY, headers | {"webhook-signature": both}) is not None


def test_two_secrets_are_valid_while_they_are_rotated(write: Write, tmp_path: Path) -> None:
    """A secret in a file beside the one in use."""
    new = "whsec_" + base64.b64encode(b"n" * 24).decode()
    (tmp_path / "old").write_text(WEBHOOK_SECRET + "\n", "utf-8")
    (tmp_path / "new").write_text(new, "utf-8")
    secrets = [f"file:{tmp_path}/old", f"file:{tmp_path}/new"]
    callers = load_callers(write({"id": "a", "webhook_secrets": secrets, "forms": ["*"]}), TODAY)
    moment = int(time.time())
    for secret in (WEBHOOK_SECRET, new):
        headers = signed(BODY, webhook_signature=signature(BODY, "msg_1", moment, secret))
        assert callers.who_signed(BODY, headers | {"webhook-timestamp": str(moment)}) is not None


@pytest.mark.parametrize("late_s", [-400, 400])
def test_a_signature_is_good_for_five_minutes(signing: Callers, late_s: int) -> None:
    """Neither an old one nor one from the future lets anybody in."""
    assert signing.who_signed(BODY, signed(BODY, late_s=late_s)) is None
    assert signing.who_signed(BODY, signed(BODY, late_s=late_s * 2 // 3)) is not None


@given(
    header=st.sampled_from(["webhook-id", "webhook-timestamp", "webhook-signature"]),
    value=st.text() | st.from_regex(r"v1a?,?[A-Za-z0-9+/= ,]*", fullmatch=True),
    body=st.binary(max_size=20),
)
@example("webhook-signature", "v1", BODY)
@example("webhook-signature", "v1,AAAA  v1,AAAA", BODY)
@example("webhook-signature", "v1,A", BODY)
@example("webhook-signature", "v1,å", BODY)
@example("webhook-timestamp", "inf", BODY)
@example("webhook-timestamp", "1e400", BODY)
@example("webhook-timestamp", "nan", BODY)
@example("webhook-id", "\udcff", BODY)
@example("webhook-id", "msg_2", b"\xff")
def test_whatever_is_no_signature_lets_nobody_in(header: str, value: str, body: bytes) -> None:
    """Malformed headers and bodies are no signature, and no error either."""
    secret = standardwebhooks.webhooks.Webhook(WEBHOOK_SECRET)
    callers = Callers({}, [(Caller(id="a", forms=["*"]), secret)])
    headers = signed(b"something else")
    assert callers.who_signed(body, headers | {header: value}) is None


async def test_a_signed_submission_is_taken_and_its_status_told(intake: LoneService) -> None:
    """A signature over the raw body lets in for posting, one over nothing for asking."""
    body = b'{ "form": "prov",' + str(envelope(form=...)).replace("'", '"').encode()[1:]
    answer = await post(intake, body, key=None, **signed(body))
    assert answer.status == 202
    status = await ask(intake, answer.headers["Location"], key=None, **signed(b""))
    assert (status.status, status.told["status"]) == (200, "received")


async def test_a_signed_body_that_is_no_json_is_told_so(intake: LoneService) -> None:
    """Who it is was clear; what is wrong is the body."""
    for body in (b"{", b"[" * 100_000):
        assert (await post(intake, body, key=None, **signed(body))).status == 400


@pytest.mark.parametrize(
    "changed",
    [
        {"webhook-signature": "v1"},
        {"webhook-signature": "v1,AAAA  v1,AAAA"},
        {"webhook-signature": "v1,å"},
        {"webhook-timestamp": "1e400"},
        {"webhook-id": "msg_2"},
        {"webhook-signature": ""},
    ],
)
async def test_a_malformed_signature_is_401_and_never_our_fault(
    intake: LoneService, changed: dict[str, str]
) -> None:
    """Whoever is told 500 tries for ever."""
    body = b'{"form": "prov"}'
    answer = await post(intake, body, key=None, **(signed(body) | changed))
    assert (answer.status, answer.is_problem) == (401, True)


async def test_a_body_that_is_no_text_can_be_signed(intake: LoneService) -> None:
    """Its signature is over the bytes: a picture, or XML in ISO-8859-1."""
    for body in (b"\xff", "<åäö/>".encode("iso-8859-1")):
        answer = await post(intake, body, key=None, **signed(body))
        assert answer.status == 400
        assert (await post(intake, body + b" ", key=None, **signed(body))).status == 401


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.mark.parametrize(
    "authorization", [f"Bearer {KEY}", f"bearer  {KEY} ", basic("e-tjanst", KEY), basic("", KEY)]
)
async def test_a_key_may_come_as_bearer_or_basic(intake: LoneService, authorization: str) -> None:
    """The scheme's case does not matter, nor the user's name in Basic."""
    assert (await post(intake, key=KEY, Authorization=authorization)).status == 202


@pytest.mark.parametrize(
    "authorization",
    [
        KEY,
        "Bearer",
        "Bearer ",
        "Basic",
        "Basic !!!",
        "Basic " + base64.b64encode(b"\xff:\xff").decode(),
        "Basic " + base64.b64encode(KEY.encode()).decode(),
        basic(KEY, ""),
        "Digest username=e-tjanst",
        "Bearer \udcff",
        f"Bearer {hash_of(KEY)}",
    ],
)
async def test_anything_else_in_authorization_lets_nobody_in(intake: LoneService, authorization: str) -> None:
    """401, also for the hash of a key, which is what stands in the file."""
    assert (await post(intake, key=KEY, Authorization=authorization)).status == 401


@given(st.text())
def test_a_key_is_read_or_not_but_never_an_error(authorization: str) -> None:
    """Whatever a stranger writes in the header."""
    key = key_of(authorization)
    assert key is None or Callers({}, []).with_key(key) is None


def test_several_keys_are_valid_while_they_are_rotated(write: Write) -> None:
    """And a key of its own leads to each caller."""
    callers = load_callers(
        write(
            {"id": "a", "key_sha256": [hash_of("gammal"), hash_of("ny")], "forms": ["*"]},
            {"id": "b", "key_sha256": [hash_of("annan")], "forms": ["*"]},
        ),
        TODAY,
    )
    found = [callers.with_key(key) for key in ("gammal", "ny", "annan", "okänd")]
    assert [caller.id if caller else None for caller in found] == ["a", "a", "b", None]


@pytest.mark.parametrize(
    ("caller", "named"),
    [
        ({"key_sha256": [], "forms": ["*"]}, "id"),
        ({"id": "a", "key_sha256": ["klartext"], "forms": ["*"]}, "key_sha256"),
        ({"id": "a", "key_sha256": ["A" * 64], "forms": ["*"]}, "key_sha256"),
        ({"id": "a"}, "forms"),
        ({"id": "a", "forms": ["*"], "per_minute": 0}, "per_minute"),
        ({"id": "a", "forms": ["*"], "own_platform": "ja"}, "own_platform"),
        ({"id": "a", "forms": ["*"], "webhook_secrets": ["whsec_AAAA"]}, "webhook_secrets"),
        ({"id": "a", "forms": ["*"], "webhook_secrets": ["env:FINNS_INTE"]}, "FINNS_INTE"),
        ({"id": "a", "forms": ["*"], "webhook_secrets": ["file:/finns/inte"]}, "/finns/inte"),
        ({"id": "a", "forms": ["*"], "webhook_secrets": ["env:TOM"]}, "TOM"),
        ({"id": "a", "forms": ["*"], "webhook_secrets": ["env:INTE_BASE64"]}, "INTE_BASE64"),
    ],
)
def test_a_broken_file_is_refused_with_what_to_mend(
    write: Write, monkeypatch: pytest.MonkeyPatch, caller: dict[str, Any], named: str
) -> None:
    """The file and the field are named; a secret in clear is not repeated."""
    monkeypatch.setenv("TOM", "")
    monkeypatch.setenv("INTE_BASE64", "whsec_å")
    with pytest.raises(BrokenFolder, match=named) as refused:
        load_callers(write(caller), TODAY)
    assert "callers.yaml" in str(refused.value)
    assert "klartext" not in str(refused.value)
    assert "whsec_AAAA" not in str(refused.value)


def test_two_callers_cannot_share_a_key_or_an_id(write: Write) -> None:
    """What one sent would be another's."""
    for second in ({"id": "a", "key_sha256": []}, {"id": "b", "key_sha256": [hash_of("k")]}):
        first = {"id": "a", "key_sha256": [hash_of("k")], "forms": ["*"]}
        with pytest.raises(BrokenFolder, match=r"callers\.yaml"):
            load_callers(write(first, second | {"forms": ["*"]}), TODAY)


@pytest.mark.parametrize("content", ["", "callers: 1", "callers: [", "\x00"])
def test_a_file_that_is_none_is_refused(tmp_path: Path, content: str) -> None:
    """Empty, of another shape, or no YAML."""
    (tmp_path / "callers.yaml").write_text(content, "utf-8")
    with pytest.raises(BrokenFolder, match=r"callers\.yaml"):
        load_callers(tmp_path, TODAY)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    """Nobody could send anything."""
    with pytest.raises(BrokenFolder, match=r"callers\.yaml"):
        load_callers(tmp_path, TODAY)


@pytest.mark.parametrize(
    ("patterns", "form", "may"),
    [
        (["*"], "prov", True),
        (["prov"], "prov", True),
        (["prov"], "prov2", False),
        (["prov-*", "annat"], "prov-a", True),
        (["prov-*"], "prov", False),
        ([], "prov", False),
        (["Prov"], "prov", False),
    ],
)
def test_a_caller_has_its_forms(patterns: list[str], form: str, may: bool) -> None:
    """By name or by pattern, in the case as written."""
    assert Caller(id="a", forms=patterns).may_send(form) is may


class HandMovedClock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_an_allowance_refills_evenly() -> None:
    """Sixty a minute is one a second, and never more than a minute's worth at once."""
    clock = HandMovedClock()
    allowance, caller = Allowance(clock), Caller(id="a", forms=[], per_minute=60)
    assert [allowance.wait(caller) for _ in range(60)] == [0.0] * 60
    assert allowance.wait(caller) == pytest.approx(1.0)
    clock.seconds = 0.5
    assert allowance.wait(caller) == pytest.approx(0.5)
    clock.seconds = 1.0
    assert allowance.wait(caller) == 0.0
    clock.seconds = 10_000.0
    assert [allowance.wait(caller) for _ in range(60)] == [0.0] * 60
    assert allowance.wait(caller) > 0


@given(
    per_minute=st.integers(1, 100),
    steps=st.lists(st.floats(0, 30, allow_nan=False), min_size=1, max_size=200),
)
def test_nobody_gets_more_than_two_minutes_worth_in_a_minute(per_minute: int, steps: list[float]) -> None:
    """What was saved up and what refills; and who waits as told is let in."""
    clock = HandMovedClock()
    allowance, caller = Allowance(clock), Caller(id="a", forms=[], per_minute=per_minute)
    let_in = []
    for step in steps:
        clock.seconds += step
        wait = allowance.wait(caller)
        if wait:
            clock.seconds += wait + 1e-6
            assert allowance.wait(caller) == 0.0
        let_in.append(clock.seconds)
    for moment in let_in:
        assert sum(moment <= other < moment + 60 for other in let_in) <= 2 * per_minute + 1


def test_a_caller_without_a_rate_is_never_held_up() -> None:
    """And another's rate does not touch it."""
    allowance = Allowance(lambda: 0.0)
    assert [allowance.wait(Caller(id="a", forms=[])) for _ in range(1000)] == [0.0] * 1000


SOAP = {"kind": "open-e", "url": "https://plattformen.example/api/callback", "credentials": "env:PROV_USER"}


def with_hand_back(write: Write, **changed: Any) -> Path:
    return write({"id": "a", "forms": ["*"], "hand_back": SOAP | changed})


@pytest.fixture
def user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROV_USER", "kansli:hemligt")
    monkeypatch.setenv("PROV_WORD", "hemligt")
    monkeypatch.setenv("PROV_WEBHOOK_SECRET", WEBHOOK_SECRET)


@pytest.mark.usefixtures("user")
def test_a_hand_back_is_read_with_its_secret(write: Write) -> None:
    """Where, how and as whom; the statuses that are not named are the usual ones."""
    platform = load_callers(with_hand_back(write, statuses={"filed": "klar"}), TODAY).platforms["a"]
    assert (platform.kind, platform.url) == ("open-e", SOAP["url"])
    assert platform.secret.get_secret_value() == "kansli:hemligt"
    assert platform.statuses.model_dump() == {
        "filed": "klar",
        "rejected": "avvisad",
        "returned": "komplettering",
    }
    assert "hemligt" not in repr(platform)


@pytest.mark.usefixtures("user")
@pytest.mark.parametrize("hand_back", [None, {"kind": "none"}, {"kind": "none", "url": "anything"}])
def test_without_a_hand_back_nothing_is_handed_back(write: Write, hand_back: Any) -> None:
    """Left out, or said to be none."""
    caller = {"id": "a", "forms": ["*"]} | ({"hand_back": hand_back} if hand_back else {})
    assert load_callers(write(caller), TODAY).platforms == {}


@pytest.mark.usefixtures("user")
@pytest.mark.parametrize("url", ["http://127.0.0.1:8/x", "http://localhost/x", "http://[::1]/x"])
def test_on_this_machine_a_hand_back_may_go_in_clear(write: Write, url: str) -> None:
    """Nobody listens on the way."""
    assert load_callers(with_hand_back(write, url=url), TODAY).platforms["a"].url == url


@pytest.mark.usefixtures("user")
@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"kind": "soap"}, "hand_back.kind"),
        ({"url": ""}, "write https://"),
        ({"url": "http://plattformen.example/"}, "http:// is for this machine alone"),
        ({"url": "ftp://plattformen.example/"}, "write https://"),
        ({"url": "https://kansli:hemligt@plattformen.example/"}, "without user and password"),
        ({"url": "https:///api"}, "write https://"),
        ({"url": "https://[::1/"}, "hand_back"),
        ({"credentials": ""}, "write file:<path> or env:<NAME>"),
        ({"credentials": "hemligt"}, "write file:<path> or env:<NAME>"),
        ({"credentials": "env:PROV_NOBODY"}, "env:PROV_NOBODY: KeyError"),
        ({"credentials": "env:PROV_WORD"}, "write user:password there"),
        ({"kind": "callback", "credentials": "env:PROV_USER"}, "whsec_"),
        ({"statuses": {"filled": "x"}}, "hand_back.statuses.filled"),
        ({"password": "hemligt"}, "hand_back.password"),
    ],
)
def test_a_hand_back_that_cannot_be_used_is_refused(
    write: Write, changed: dict[str, Any], named: str
) -> None:
    """With the file and what to mend, and never the secret."""
    with pytest.raises(BrokenFolder) as refused:
        load_callers(with_hand_back(write, **changed), TODAY)
    assert named in str(refused.value)
    assert "callers.yaml" in str(refused.value)
    assert "kansli:hemligt" not in str(refused.value)


def test_who_hands_nothing_back_needs_no_credentials(write: Write) -> None:
    """A service that only lets callers in is not stopped by another's missing secret."""
    hand_back = {**SOAP, "credentials": "env:PROV_NOBODY"}
    folder = write({"id": "a", "key_sha256": [hash_of(KEY)], "forms": ["*"], "hand_back": hand_back})
    with pytest.raises(BrokenFolder, match="PROV_NOBODY"):
        load_callers(folder, TODAY)
    assert load_callers(folder, TODAY, hand_backs=False).with_key(KEY) is not None
