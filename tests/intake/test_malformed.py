"""Whatever arrives at the door, it is taken or refused: never an error of ours, never half of it kept."""

from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic_core import to_json
from sqlalchemy import func, select

from intake.submissions import revisions
from support.lone_service import LoneService
from support.platforms import KEY, Answer, envelope, post

MARK = "Xyzzyskrivet"
"""What no answer of ours says by itself."""

ONE_SERVICE = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

REFERENCES = count()

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.just(MARK),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
FIELDS = ["form", "form_version", "reference", "submitted_at", "submitter", "data", "attachments", MARK]
no_text = st.none() | st.booleans() | st.integers() | st.lists(st.text())
WRONG = {
    "form": no_text | st.just(MARK),
    "form_version": st.booleans() | st.text() | st.floats(allow_nan=False) | st.integers(max_value=0),
    "reference": no_text | st.sampled_from(["", MARK + "\x00", "a" * 201]),
    "submitted_at": no_text | st.sampled_from([MARK, "2026-13-01T00:00:00"]),
    "submitter": no_text | st.sampled_from([{"name": MARK}, {"email": "a@b"}]),
    "data": no_text | st.text(),
    "attachments": st.none() | st.text() | st.sampled_from([[{"name": MARK}], [MARK]]),
    MARK: json_values,
}


async def kept(intake: LoneService) -> int:
    ((count,),) = await intake.rows(select(func.count()).select_from(revisions))
    return int(count)


def assert_refused(answer: Answer) -> None:
    assert 400 <= answer.status < 500
    assert answer.is_problem
    details = [answer.told["detail"], *(error["detail"] for error in answer.told.get("errors", []))]
    assert MARK not in " ".join(details)


@ONE_SERVICE
@given(data=st.data())
async def test_an_envelope_with_something_wrong_is_refused_and_not_kept(
    intake: LoneService, data: st.DataObject
) -> None:
    """Any field missing or of another kind, alone or together, whatever the rest holds."""
    fields = data.draw(st.sets(st.sampled_from(FIELDS), min_size=1))
    changed: dict[str, Any] = {}
    for field in sorted(fields):
        missing = st.just(...) if field not in {"form_version", "attachments", MARK} else st.nothing()
        changed[field] = data.draw(WRONG[field] | missing, field)
    assert_refused(await post(intake, envelope(**changed), key=KEY))
    assert await kept(intake) == 0


@ONE_SERVICE
@given(body=st.binary(max_size=60) | json_values.map(to_json) | st.text(max_size=30).map(str.encode))
async def test_bytes_that_are_no_envelope_are_refused_and_not_kept(intake: LoneService, body: bytes) -> None:
    """Any bytes, any JSON."""
    assert_refused(await post(intake, body, key=KEY))
    assert await kept(intake) == 0


@ONE_SERVICE
@given(data=st.dictionaries(st.text(max_size=5), json_values, max_size=4))
async def test_any_data_in_a_right_envelope_is_taken_and_leaves_as_it_came(
    intake: LoneService, data: dict[str, Any]
) -> None:
    """What the form asks is not intake's business: it is taken, once, and passed on unchanged."""
    body = envelope(reference=str(next(REFERENCES)), data=data)
    answer = await post(intake, body, key=KEY)
    again = await post(intake, body, key=KEY)
    assert (answer.status, again.told) == (202, answer.told)
    said = (await intake.said("submission.received"))[-1]
    assert (said.subject, said.data["data"]) == (answer.told["id"], data)


@pytest.mark.parametrize("cut", [1, 20, 100, 180])
async def test_a_body_that_breaks_off_is_refused(intake: LoneService, cut: int) -> None:
    """A line that was lost in the middle is no submission."""
    assert_refused(await post(intake, to_json(envelope())[:-cut], key=KEY))


async def test_a_key_that_the_sender_chose_is_not_repeated(intake: LoneService) -> None:
    """The pointer leads to what it stands in."""
    submitter = {"name": "Anna", "email": "a@b.example", "19121212-1212 Anna är sjuk": 1}
    answer = await post(intake, envelope(submitter=submitter), key=KEY)
    assert (answer.status, answer.pointers) == (422, ["/submitter"])
    assert "1212" not in answer.content


async def test_ten_mebibytes_of_xml_without_files_are_too_much(intake: LoneService) -> None:
    """A file in it is what makes it larger."""
    body = b"<a>" + b"x" * (11 * 1024 * 1024) + b"</a>"
    answer = await post(intake, body, key=KEY, content_type="text/xml")
    assert (answer.status, answer.is_problem) == (413, True)
