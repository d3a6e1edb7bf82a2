"""Who gets which letter, and what a committee's file must hold."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from chassis.folders import BrokenFolder
from notification.recipients import (
    Committee,
    EventKind,
    Notify,
    PlannedMeeting,
    Recipient,
    Secretary,
    Submitter,
    is_mailbox,
    load_committees,
    recipients_of,
    recipients_of_summary,
)

TODAY = date(2026, 11, 20)

VALFARD = """
id: valfard
name: Välfärd- och servicenämnden
secretary: {name: Åsa Ek, email: asa@exempel.se, copies: [namnd@exempel.se]}
agenda_item: Rapporter från kontaktpolitiker
meetings: [{date: !today +19, time: "13:00", deadline: !today +7 12:00}]
"""

COMMITTEE = Committee.model_validate(
    {
        "id": "valfard",
        "name": "Välfärd- och servicenämnden",
        "secretary": {"name": "Åsa Ek", "email": "asa@exempel.se", "copies": ["namnd@exempel.se"]},
    }
)
MEETING = PlannedMeeting.model_validate(
    {"date": "2026-12-09", "time": "13:00", "deadline": "2026-11-27T12:00:00+01:00"}
)
SUBMITTER = Submitter(name="Bo Al", email="bo@exempel.se")


def config(folder: Path, **files: str) -> Path:
    (folder / "committees").mkdir()
    for name, text in files.items():
        (folder / "committees" / f"{name}.yaml").write_text(text, "utf-8")
    return folder


def test_a_committee_is_read_from_the_file_that_other_services_read_too(tmp_path: Path) -> None:
    """What notification has no use for is left alone, and relative dates are resolved."""
    committees = load_committees(config(tmp_path, valfard=VALFARD), TODAY)
    assert committees == {"valfard": COMMITTEE.model_copy(update={"meetings": (MEETING,)})}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("id: valfard\nname: N\n", "secretary: Field required"),
        (VALFARD.replace("asa@exempel.se", "asa(at)exempel.se"), "not an e-mail address"),
        (VALFARD.replace("[namnd@exempel.se]", "[a b@x]"), "secretary.copies.0"),
        (VALFARD.replace("id: valfard", "id: social"), "must be social.yaml"),
        (VALFARD + "notify: {digest_at: 7:30}", "citattecken"),
        (VALFARD + "notify: {when: sometimes}", "notify.when"),
        (VALFARD.replace("name: Åsa", "away: [{from: 2026-07-01, to: 2026-07-31}], name: Åsa"), "substitute"),
        (
            VALFARD.replace(
                "name: Åsa",
                "away: [{from: 2026-07-31, to: 2026-07-01}], substitute: {name: B, email: b@x}, name: Åsa",
            ),
            "första dagen först",
        ),
        ("id: [", "no YAML"),
        ("- no committee", "valid dictionary"),
    ],
    ids=[
        "no secretary",
        "no address",
        "bad copy",
        "other name",
        "an hour as a number",
        "no setting",
        "nobody there",
        "away backwards",
        "no yaml",
        "no mapping",
    ],
)
def test_a_broken_file_is_named_with_its_fault(tmp_path: Path, text: str, complaint: str) -> None:
    """The message says which file and what to mend."""
    with pytest.raises(BrokenFolder, match=r"valfard\.yaml:\d+: ") as broken:
        load_committees(config(tmp_path, valfard=text), TODAY)
    assert complaint in str(broken.value)


def test_a_folder_without_committees_is_broken(tmp_path: Path) -> None:
    """A misspelt folder is told at start and not by letters that never come."""
    with pytest.raises(BrokenFolder, match="there is no committee"):
        load_committees(tmp_path, TODAY)


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (
            "report.filed",
            [
                ("filed", "asa@exempel.se", False),
                ("filed", "namnd@exempel.se", True),
                ("received", "bo@exempel.se", False),
            ],
        ),
        (
            "report.held",
            [
                ("held", "asa@exempel.se", False),
                ("held", "namnd@exempel.se", True),
                ("received", "bo@exempel.se", False),
            ],
        ),
        (
            "submission.rejected",
            [
                ("rejected_secretary", "asa@exempel.se", False),
                ("rejected_secretary", "namnd@exempel.se", True),
                ("rejected_submitter", "bo@exempel.se", False),
            ],
        ),
        ("report.returned", [("returned", "bo@exempel.se", False)]),
    ],
)
def test_each_event_calls_for_its_letters(event: EventKind, expected: list[tuple[str, str, bool]]) -> None:
    """The secretary hears of what comes, the sender that it has come, and of what comes back."""
    letters = recipients_of(event, COMMITTEE, SUBMITTER, TODAY)
    assert expected == [(one.kind, one.address, one.is_copy) for one in letters]


@pytest.mark.parametrize("email", [None, "", "bo", "bo@x\r\nBcc: alla@exempel.se", "bo@exempel"])
def test_a_submitter_without_a_usable_address_gets_no_letter(email: str | None) -> None:
    """What a platform sends as an address may be none, and is never put on an envelope."""
    submitter = Submitter(email=email)
    expected = email == "bo@exempel"
    assert expected == submitter.reachable
    assert expected == bool(recipients_of("report.returned", COMMITTEE, submitter, TODAY))


def test_an_address_that_stands_twice_gets_one_letter() -> None:
    """A secretary who is also among the copies is written to as the secretary."""
    secretary = COMMITTEE.secretary.model_copy(update={"copies": ("ASA@exempel.se",)})
    committee = COMMITTEE.model_copy(update={"secretary": secretary})
    expected = (Recipient("rejected_secretary", "asa@exempel.se", "Åsa Ek"),)
    assert expected == recipients_of("submission.rejected", committee, Submitter(email=None), TODAY)


def test_a_committee_may_leave_receipts_to_its_platform() -> None:
    """Many e-services send their own, and two are one too many."""
    committee = COMMITTEE.model_copy(update={"notify": Notify(receipt=False)})
    kinds = {one.kind for one in recipients_of("report.filed", committee, SUBMITTER, TODAY)}
    assert kinds == {"filed"}


@pytest.mark.parametrize(
    ("address", "usable"),
    [
        ("anna.bo+kansli@namnd.exempel.se", True),
        ("root@localhost", True),
        ("å@exempel.se", False),
        ("a@exempel..se", False),
        (".a@exempel.se", False),
        ('"a b"@exempel.se', False),
        ("a@exempel.se> SIZE=1", False),
        ("a" * 250 + "@x.se", False),
    ],
)
def test_a_mailbox_is_what_every_relay_takes(address: str, usable: bool) -> None:
    """Neither quoting nor letters outside ASCII, and nothing that could be a second command."""
    assert usable == is_mailbox(address)


AWAY = COMMITTEE.model_copy(
    update={
        "secretary": Secretary.model_validate(
            {
                "name": "Åsa Ek",
                "email": "asa@exempel.se",
                "copies": ["namnd@exempel.se"],
                "away": [{"from": "2026-11-20", "to": "2026-11-22"}],
                "substitute": {"name": "Eva Ersättare", "email": "eva@exempel.se"},
            }
        )
    }
)


@pytest.mark.parametrize(
    ("day", "who"),
    [(19, "asa"), (20, "eva"), (22, "eva"), (23, "asa")],
    ids=["before", "first", "last", "after"],
)
def test_the_substitute_gets_the_letters_of_a_secretary_who_is_away(day: int, who: str) -> None:
    """Both days count, and the copies go on as before."""
    today = date(2026, 11, day)
    for recipients in (
        recipients_of("report.held", AWAY, SUBMITTER, today),
        recipients_of_summary("gathered", AWAY, today),
    ):
        first, copy, *_ = recipients
        assert (first.address, first.is_substitute) == (f"{who}@exempel.se", who == "eva")
        assert copy.address == "namnd@exempel.se"


def test_a_sender_is_told_himself_whoever_is_away() -> None:
    """Only the secretary's letters change hands."""
    (returned,) = recipients_of("report.returned", AWAY, SUBMITTER, TODAY)
    assert returned.address == SUBMITTER.email


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("2026-10-25T02:30:00", datetime(2026, 10, 25, 1, 30, tzinfo=UTC)),
        ("2026-03-29T02:30:00", datetime(2026, 3, 29, 1, 30, tzinfo=UTC)),
        ("2026-10-25T02:30:00+02:00", datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
        ("2026-11-27T12:00:00", datetime(2026, 11, 27, 11, 0, tzinfo=UTC)),
    ],
)
def test_a_deadline_in_an_hour_that_the_clocks_repeat_or_skip_is_the_later_one(
    written: str, moment: datetime
) -> None:
    """As the archive reads it: nobody loses an hour, and letters tell the moment that holds."""
    meeting = {"date": "2026-11-10", "time": "13:00", "deadline": written}
    assert PlannedMeeting.model_validate(meeting).deadline.astimezone(UTC) == moment
