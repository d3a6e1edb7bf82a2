"""Letters to look at: of every kind, the same each time, and named when asked for one that there is not."""

from email import message_from_bytes
from email.policy import SMTP
from pathlib import Path
from typing import get_args

import pytest

from chassis.cli import main
from notification.__main__ import build
from notification.examples import EXAMPLES
from notification.preview import PREVIEW, SENDER, committee_of, letter_of, write_previews
from notification.recipients import LetterKind, SummaryKind
from notification.settings import NotificationSettings
from support.letter_pictures import EYES, PAGE, PICTURES, gallery_page
from support.letter_words import words_of_html, words_of_text

EXAMPLE = Path(__file__).parents[2] / "deploy" / "example"
every_kind = pytest.mark.parametrize("kind", EXAMPLES)


def preview(*arguments: str) -> None:
    main(NotificationSettings, build, ["preview", "--config", str(EXAMPLE), *arguments], own=[PREVIEW])


def test_every_kind_of_letter_has_an_example() -> None:
    """Whoever adds a kind adds how it looks."""
    assert {*get_args(LetterKind), *get_args(SummaryKind)} == EXAMPLES.keys()


@every_kind
def test_a_preview_is_the_letter_as_it_goes_out(tmp_path: Path, kind: LetterKind | SummaryKind) -> None:
    """The `.eml` has the letter's own headers, and both its shapes."""
    committee = committee_of(EXAMPLE, "valfard")
    as_sent, as_shown = write_previews([kind], committee, tmp_path)
    mail, letter = message_from_bytes(as_sent.read_bytes(), policy=SMTP), letter_of(kind, committee)
    assert (mail["Subject"], mail["Message-ID"]) == (letter.subject, letter.message_id)
    assert SENDER.address in mail["From"]
    assert as_shown.read_text(encoding="utf-8") == letter.html
    assert words_of_text(letter.text) == words_of_html(letter.html)


@every_kind
def test_a_letter_to_who_sent_the_report_goes_to_nobody_else(kind: LetterKind | SummaryKind) -> None:
    """An example is addressed to whom its last words say."""
    letter = letter_of(kind, committee_of(EXAMPLE, "valfard"))
    is_to_sender = "skickades in med din e-postadress" in " ".join(letter.text.split())
    assert is_to_sender is EXAMPLES[kind].to_sender
    assert is_to_sender is (letter.recipient_address == "anna.exempelsson@valfard.example")


def test_all_previews_are_written_at_once_and_are_the_same_each_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without settings or a database, and with a line for each file."""
    preview("all", "--to", str(tmp_path / "one"))
    names = [Path(line).name for line in capsys.readouterr().out.splitlines()]
    assert names == [f"{kind}.{ending}" for kind in EXAMPLES for ending in ("eml", "html")]
    preview("all", "--to", str(tmp_path / "two"))
    first, second = ([(tmp_path / run / name).read_bytes() for name in names] for run in ("one", "two"))
    assert first == second


def test_a_kind_that_there_is_not_is_refused_with_those_there_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And nothing is written."""
    with pytest.raises(SystemExit):
        preview("hold", "--to", str(tmp_path / "none"))
    refusal = capsys.readouterr().err
    assert "'hold'" in refusal
    assert all(kind in refusal for kind in [*EXAMPLES, "all"])
    assert not (tmp_path / "none").exists()


def test_a_committee_that_there_is_not_is_refused_with_those_there_are(tmp_path: Path) -> None:
    """A municipality looks at its own committees' letters with `--config`."""
    with pytest.raises(SystemExit, match="there is no committee bygg, but social, valfard"):
        preview("held", "--committee", "bygg", "--to", str(tmp_path))
    preview("held", "--committee", "social", "--to", str(tmp_path))
    assert "Socialnämnden" in (tmp_path / "held.html").read_text(encoding="utf-8")


def test_the_gallery_shows_every_letter() -> None:
    """`make letters` makes it; whoever changes what letters tell runs it."""
    assert PAGE.read_text(encoding="utf-8") == gallery_page()
    assert {path.name for path in PICTURES.iterdir()} == {
        f"{kind}-{eyes}.png" for kind in EXAMPLES for eyes in EYES
    }


def test_the_gallery_is_small() -> None:
    """Who clones the house fetches it too."""
    assert sum(path.stat().st_size for path in PICTURES.iterdir()) < 1_500_000
