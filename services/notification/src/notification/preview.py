"""Letters to look at before anyone gets them: as they go out (`.eml`), and as they look (`.html`)."""

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable
from pathlib import Path

from chassis.cli import OwnCommand
from chassis.clock import day_in_stockholm
from chassis.folders import BrokenFolder
from notification.examples import EXAMPLES, MEETING, WRITTEN_AT, Example, Kind
from notification.headers import Sender, as_bytes
from notification.letters import Letter, Occasion, compose
from notification.recipients import Committee, Recipient, load_committees
from notification.summaries import Origin, Summary, sum_up

SENDER = Sender("Kansli Exempelkommun", "kansli@kommunen.example")
PAGES = "https://kansli.kommunen.example"
ALL = "all"


def committee_of(config: Path, name: str) -> Committee:
    """The committee in whose name to write; raises `BrokenFolder` that names those there are."""
    committees = load_committees(config, day_in_stockholm(WRITTEN_AT))
    if name not in committees:
        raise BrokenFolder(f"{config}: there is no committee {name}, but {', '.join(committees)}")
    return committees[name]


def letter_of(kind: Kind, committee: Committee) -> Letter:
    """The letter that the example of the kind gives; the same each time, byte for byte."""
    example = EXAMPLES[kind]
    recipient = _recipient(kind, example, committee)
    if isinstance(example.told, Occasion):
        told = example.told.model_copy(update={"page_url": _page(committee)})
        return compose(told, committee, recipient, domain=SENDER.domain, created_at=WRITTEN_AT)
    return _summed_up(example.told(committee), committee, recipient)


def _recipient(kind: Kind, example: Example, committee: Committee) -> Recipient:
    if example.to_sender:
        return Recipient(kind, "anna.exempelsson@valfard.example", "Anna Exempelsson")
    return Recipient(kind, committee.secretary.email, committee.secretary.name)


def _page(committee: Committee) -> str:
    return f"{PAGES}/committees/{committee.id}/meetings/{MEETING.date}"


def _summed_up(told: Summary, committee: Committee, recipient: Recipient) -> Letter:
    origin = Origin(f"{committee.id}-{MEETING.date}", _page(committee), notices=())
    return sum_up(told, origin, committee, recipient, domain=SENDER.domain, created_at=WRITTEN_AT)


def write_previews(kinds: Iterable[Kind], committee: Committee, folder: Path) -> list[Path]:
    """Write `<kind>.eml` and `<kind>.html` of each; returns where they are."""
    folder.mkdir(parents=True, exist_ok=True)
    return [path for kind in kinds for path in _write(kind, letter_of(kind, committee), folder)]


def _write(kind: Kind, letter: Letter, folder: Path) -> tuple[Path, Path]:
    as_sent, as_shown = folder / f"{kind}.eml", folder / f"{kind}.html"
    as_sent.write_bytes(as_bytes(letter, SENDER))
    as_shown.write_text(letter.html, encoding="utf-8")
    return as_sent, as_shown


def _declare(parser: ArgumentParser) -> None:
    parser.add_argument("kind", choices=[*EXAMPLES, ALL], metavar="KIND", help=", ".join([*EXAMPLES, ALL]))
    parser.add_argument(
        "--to", type=Path, default=Path("var/previews"), metavar="FOLDER", help="where the files go"
    )
    parser.add_argument(
        "--config",
        type=Path,
        default=Path("deploy/example"),
        metavar="FOLDER",
        help="folder with committees/ (default: the example)",
    )
    parser.add_argument(
        "--committee",
        default="valfard",
        metavar="ID",
        help="in whose name they are written (default: valfard)",
    )


def _run(asked: Namespace) -> None:
    kinds: Iterable[Kind] = EXAMPLES if asked.kind == ALL else [asked.kind]
    for path in write_previews(kinds, committee_of(asked.config, asked.committee), asked.to):
        sys.stdout.write(f"{path}\n")


PREVIEW = OwnCommand(
    "preview",
    "write example letters to files, to look at; of made-up facts, without a database",
    _declare,
    _run,
)
