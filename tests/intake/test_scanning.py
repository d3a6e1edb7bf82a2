"""What the virus scanner says decides; what it does not say holds."""

import asyncio
import base64
from pathlib import Path

import pytest

from intake.scanning import AT_ONCE, CHUNK_BYTES, Scan, Scanner
from support.clamd import FOUND, OK, asked_about, clamd
from support.file_samples import harmless_pdf
from support.platforms import KEY, RunIntake, envelope, post

FILE = {
    "name": "a.pdf",
    "media_type": "application/pdf",
    "content": base64.b64encode(harmless_pdf()).decode(),
}


@pytest.mark.parametrize(
    ("answer", "scan"),
    [
        (OK, Scan.CLEAN),
        (FOUND, Scan.INFECTED),
        (b"INSTREAM size limit exceeded. ERROR\0", Scan.PENDING),
        (b"", Scan.PENDING),
        (None, Scan.PENDING),
    ],
)
async def test_only_ok_is_clean(tmp_path: Path, answer: bytes | None, scan: Scan) -> None:
    """An error, a closed line and silence are no answer."""
    content = b"x" * (2 * CHUNK_BYTES + 1)
    async with clamd(tmp_path / "clamd", answer) as seen:
        assert await Scanner(tmp_path / "clamd", seconds=0.5).scan(content) is scan
    assert seen == [content]


async def test_a_few_files_are_scanned_at_once_and_no_more(tmp_path: Path) -> None:
    """Each gets the answer to its own bytes, whichever comes first."""
    asked, most, full = 0, 0, asyncio.Event()

    async def scan(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked, most
        asked += 1
        most = max(most, asked)
        content = await asked_about(reader)
        if asked == AT_ONCE:
            full.set()
        await full.wait()
        asked -= 1
        writer.write(FOUND if content == b"ill" else OK)
        writer.close()

    contents = [b"ill" if number % 3 else b"well" for number in range(2 * AT_ONCE)]
    scanner = Scanner(tmp_path / "clamd")
    async with await asyncio.start_unix_server(scan, tmp_path / "clamd"), asyncio.timeout(10):
        scans = await asyncio.gather(*map(scanner.scan, contents))
    assert scans == [Scan.INFECTED if content == b"ill" else Scan.CLEAN for content in contents]
    assert most == AT_ONCE


async def test_an_infected_file_is_refused_and_not_kept(run_intake: RunIntake, tmp_path: Path) -> None:
    """422 with its pointer."""
    async with clamd(tmp_path / "clamd", FOUND), run_intake(clamd_socket=tmp_path / "clamd") as intake:
        answer = await post(intake, envelope(attachments=[FILE]), key=KEY)
        assert (answer.status, answer.pointers) == (422, ["/attachments/0"])
        assert not await intake.said("submission.received")
    assert not (tmp_path / "objects").exists()


async def test_a_clean_file_goes_on_without_a_finding(run_intake: RunIntake, tmp_path: Path) -> None:
    """The scanner saw the very bytes that are kept."""
    async with clamd(tmp_path / "clamd", OK) as seen, run_intake(clamd_socket=tmp_path / "clamd") as intake:
        assert (await post(intake, envelope(attachments=[FILE]), key=KEY)).status == 202
        (event,) = await intake.said("submission.received")
    assert (event.data["findings"], seen) == ([], [harmless_pdf()])


async def test_what_could_not_be_scanned_is_taken_and_held(run_intake: RunIntake, tmp_path: Path) -> None:
    """The submission is not lost, and does not go to the table either."""
    async with run_intake(clamd_socket=tmp_path / "nobody") as intake:
        assert (await post(intake, envelope(attachments=[FILE]), key=KEY)).status == 202
        (event,) = await intake.said("submission.received")
    (finding,) = event.data["findings"]
    assert (finding["rule"], finding["outcome"], finding["pointer"]) == (
        "scan-pending",
        "hold",
        "/attachments/0",
    )
