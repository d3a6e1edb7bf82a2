from dataclasses import replace
from datetime import date

import pytest

from support.auditor import LETTERS, Evidence, Mail, Row
from support.load import PLAIN_PEOPLE, Fate, report

FATES: tuple[Fate, ...] = ("filed", "held", "rejected")

MEETING = date(2026, 12, 9)


def letters_about(submission_id: str, status: str) -> list[Mail]:
    return [Mail(f"{submission_id}.1.{kind}.abc", "nora@kommunen.example") for kind in LETTERS[status]]


def all_well() -> Evidence:
    """A filed, a held and a rejected report, and one person's three plain visits."""
    ends = [(report(number, "r", fate), str(fate)) for number, fate in enumerate(FATES)]
    visits = [report(7 + PLAIN_PEOPLE * number, "r", "plain") for number in range(3)]
    ends += list(zip(visits, ("filed", "held", "filed"), strict=True))
    told = [(f"id{number}", *end) for number, end in enumerate(ends)]
    return Evidence(
        reports=[sent for _, sent, _ in told],
        ids={sent.reference: {submission_id} for submission_id, sent, _ in told},
        rows=[
            Row(submission_id, sent.reference, status, None if status == "rejected" else MEETING, 1)
            for submission_id, sent, status in told
        ],
        mails=[mail for submission_id, _, status in told for mail in letters_about(submission_id, status)],
        uncertain={},
    )


def test_the_auditor_has_no_complaint_when_all_is_well() -> None:
    """What was promised was done, once."""
    assert all_well().complaints() == []


WELL = all_well()
FILED, HELD = WELL.rows[0], WELL.rows[1]
WRONGS = {
    "no promise": replace(WELL, ids={k: v for k, v in WELL.ids.items() if k != "r-0"}),
    "two promises": replace(WELL, ids={**WELL.ids, "r-0": {"id0", "id9"}}),
    "lost": replace(WELL, rows=WELL.rows[1:]),
    "unexpected": replace(WELL, rows=[*WELL.rows, replace(FILED, submission_id="id9", reference="r-9")]),
    "there twice": replace(WELL, rows=[*WELL.rows, replace(FILED, submission_id="id9")]),
    "filed twice": replace(WELL, rows=[replace(FILED, acts=2), *WELL.rows[1:]]),
    "never filed": replace(WELL, rows=[replace(FILED, acts=0), *WELL.rows[1:]]),
    "without a meeting": replace(WELL, rows=[replace(FILED, meeting_date=None), *WELL.rows[1:]]),
    "held for nothing": replace(WELL, rows=[replace(FILED, status="held"), *WELL.rows[1:]]),
    "let through": replace(WELL, rows=[FILED, replace(HELD, status="filed"), *WELL.rows[2:]]),
    "in another's place": replace(WELL, rows=[replace(FILED, reference="r-1"), *WELL.rows[1:]]),
    "too many visits": replace(WELL, rows=[replace(row, status="filed") for row in WELL.rows]),
    "parked for nothing": replace(WELL, rows=WELL.rows[1:], mails=WELL.mails[1:], parked={"id0"}),
    "a letter about what is parked": replace(
        WELL, reports=[replace(WELL.reports[0], fate="parked"), *WELL.reports[1:]], parked={"id0"}
    ),
    "no letter": replace(WELL, mails=WELL.mails[1:]),
    "a letter twice": replace(WELL, mails=[WELL.mails[0], *WELL.mails]),
    "a letter too many": replace(WELL, mails=[*WELL.mails, Mail("id0.1.held.abc", "a@b.example")]),
    "a stranger's letter": replace(WELL, mails=[*WELL.mails, Mail("id9.1.filed.abc", "a@b.example")]),
}


@pytest.mark.parametrize("evidence", WRONGS.values(), ids=list(WRONGS))
def test_the_auditor_sees_what_is_wrong(evidence: Evidence) -> None:
    """Each kind of broken promise is complained about."""
    assert evidence.complaints() != []


def test_what_is_to_be_parked_lies_at_the_door_without_a_letter() -> None:
    """It is neither in the archive nor rejected."""
    first, *others = WELL.reports
    waits = replace(WELL, reports=[replace(first, fate="parked"), *others], rows=WELL.rows[1:])
    mails = [mail for mail in WELL.mails if mail.submission_id != "id0"]
    assert replace(waits, mails=mails, parked={"id0"}).complaints() == []
    assert replace(waits, mails=mails).complaints() != []


def test_letters_about_a_guideline_or_a_week_are_nobodys_report() -> None:
    """They come when their day comes, whatever the load; twice is still too often."""
    other = Mail("valfard.guideline.abc", "nora@kommunen.example")
    assert replace(WELL, mails=[other, *WELL.mails]).complaints() == []
    assert replace(WELL, mails=[other, other, *WELL.mails]).complaints() != []


def test_a_letter_may_come_again_if_it_is_counted_uncertain() -> None:
    """As often as nobody knew whether it had gone, and no oftener."""
    letter = WELL.mails[0]
    once_more = replace(WELL, mails=[letter, *WELL.mails], uncertain={letter.letter_id: 1})
    assert once_more.complaints() == []
    assert replace(once_more, mails=[letter, *once_more.mails]).complaints() != []
