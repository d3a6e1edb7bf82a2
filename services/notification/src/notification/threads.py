"""Which letters a mail program shows as one conversation: those to one person about one meeting or report.

A letter names only what that person was really sent before it: a name that no mailbox knows would
tie nothing together, and begin a conversation of its own at each letter.
"""

from dataclasses import replace
from datetime import date
from typing import Any

from chassis.store import Transaction
from notification.letters import Letter, Meeting
from notification.mailbag import first_sent
from notification.recipients import TO_SUBMITTER, Committee
from notification.summaries import Moved, Summary


def thread_of_report(committee: Committee, letter: Letter, meeting: Meeting | None) -> str | None:
    """To the sender it is about the report, to the secretary about the meeting that it goes to."""
    if letter.kind in TO_SUBMITTER:
        return f"report {letter.submission_id}"
    return _thread_of_meeting(committee, meeting.date) if meeting else None


def thread_of_summary(committee: Committee, told: Summary) -> str | None:
    """None for what is about a week, a guideline or several meetings."""
    if isinstance(told, Moved):
        return _thread_of_moved(committee, told)
    meeting: Any = getattr(told, "meeting", None)
    return _thread_of_meeting(committee, meeting.date) if meeting else None


def _thread_of_moved(committee: Committee, told: Moved) -> str | None:
    """A meeting that the calendar has left out goes on in the thread that it had."""
    if told.known_as is not None:
        return _named(committee, told.known_as)
    return _thread_of_meeting(committee, told.moved_from) if told.moved_from else None


def _thread_of_meeting(committee: Committee, day: date) -> str:
    """By the name under which the meeting stays the same when it moves."""
    meeting = committee.meeting_on(day)
    return _named(committee, meeting.known_as if meeting else day.isoformat())


def _named(committee: Committee, known_as: str) -> str:
    return f"meeting {committee.id} {known_as}"


async def in_thread(tx: Transaction, letter: Letter, thread: str | None) -> Letter:
    """The letter as the next of its thread, or as one that may become the first."""
    if thread is None:
        return letter
    return replace(letter, thread=thread, follows=await first_sent(tx, letter.recipient_address, thread))
