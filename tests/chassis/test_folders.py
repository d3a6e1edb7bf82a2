import asyncio
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pytest
import yaml

from chassis.folders import BrokenFolder, WatchedFolder, each, files_in, whole
from chassis.yaml_files import read_yaml, resolve_today


def load(paths: Sequence[Path]) -> str:
    text = "".join(sorted(file.read_text() for path in paths for file in path.rglob("*.yaml")))
    if "broken" in text:
        raise BrokenFolder("it says broken")
    return text


def test_a_change_is_read_and_a_broken_one_refused(tmp_path: Path) -> None:
    """A typing error must not stop what worked; mended, it is taken."""
    file = tmp_path / "a.yaml"
    file.write_text("one")
    folder = WatchedFolder([tmp_path], whole(load))
    seen = []
    for text in ("two more", "broken", "three and on"):
        file.write_text(text)
        folder.refresh()
        seen.append((folder.current, [*folder.refused]))
    assert seen == [("two more", []), ("two more", ["it says broken"]), ("three and on", [])]


def test_what_is_added_or_removed_is_noticed(tmp_path: Path) -> None:
    """Also in folders within it."""
    folder = WatchedFolder([tmp_path], whole(load))
    (tmp_path / "committees").mkdir()
    added = tmp_path / "committees" / "b.yaml"
    added.write_text("b")
    folder.refresh()
    assert folder.current == "b"
    added.unlink()
    folder.refresh()
    assert folder.current == ""


def test_a_folder_that_is_broken_at_the_start_is_no_folder(tmp_path: Path) -> None:
    """A service does not start on what it cannot read."""
    (tmp_path / "a.yaml").write_text("broken")
    with pytest.raises(BrokenFolder):
        WatchedFolder([tmp_path], whole(load))


def load_file(path: Path) -> str:
    if "broken" in (text := path.read_text()):
        raise BrokenFolder("it says broken")
    return text


def test_a_broken_part_hides_no_other(tmp_path: Path) -> None:
    """It keeps what it was, and is not there if it never was anything; what is gone is gone."""
    for name in ("a", "b", "c"):
        (tmp_path / f"{name}.yaml").write_text(f"{name} one")
    (tmp_path / "c.yaml").write_text("broken from the start")
    folder = WatchedFolder([tmp_path], each(files_in(".", ".yaml"), load_file))
    assert (folder.current, len(folder.refused)) == ({"a": "a one", "b": "b one"}, 1)
    (tmp_path / "a.yaml").write_text("broken now")
    (tmp_path / "b.yaml").write_text("b, another")
    folder.refresh()
    assert (folder.current, len(folder.refused)) == ({"a": "a one", "b": "b, another"}, 2)
    (tmp_path / "a.yaml").unlink()
    (tmp_path / "c.yaml").write_text("c, mended")
    folder.refresh()
    assert (folder.current, [*folder.refused]) == ({"b": "b, another", "c": "c, mended"}, [])


def test_who_listens_is_told_of_a_change(tmp_path: Path) -> None:
    """Once for each time that the folder was read anew."""
    told: list[str] = []
    folder = WatchedFolder([tmp_path], whole(load))
    folder.on_change(lambda: told.append(folder.current))
    folder.refresh()
    (tmp_path / "a.yaml").write_text("new")
    folder.refresh()
    folder.refresh()
    assert told == ["new"]


async def test_watching_looks_until_it_is_cancelled(tmp_path: Path) -> None:
    """Soon enough for a person who saves and looks."""
    folder = WatchedFolder([tmp_path], whole(load), interval=0.001)
    watching = asyncio.create_task(folder.watch())
    (tmp_path / "a.yaml").write_text("new")
    async with asyncio.timeout(2):
        while folder.current != "new":
            await asyncio.sleep(0.001)
    watching.cancel()


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("!today", "2026-12-30"),
        ("!today +2", "2027-01-01"),
        ("!today -30", "2026-11-30"),
        ("!today +2 12:00", "2027-01-01T12:00:00"),
        ("from !today to !today +1", "from 2026-12-30 to 2026-12-31"),
        ("today", "today"),
    ],
)
def test_dates_relative_to_today_are_written_out(written: str, meant: str) -> None:
    """So that an example never ages."""
    assert resolve_today(written, date(2026, 12, 30)) == meant


def test_dates_and_times_stay_text(tmp_path: Path) -> None:
    """The reader's model judges them, not the file format."""
    (tmp_path / "a.yaml").write_text("date: 2026-12-09\ntime: '12:30'\nother: !today +1\nnumber: 7\n")
    assert read_yaml(tmp_path / "a.yaml", date(2026, 1, 1)) == {
        "date": "2026-12-09",
        "time": "12:30",
        "other": "2026-01-02",
        "number": 7,
    }


def test_yaml_makes_no_objects(tmp_path: Path) -> None:
    """A file is data, whoever wrote it."""
    (tmp_path / "a.yaml").write_text("!!python/object/apply:os.getcwd []")
    with pytest.raises(yaml.YAMLError):
        read_yaml(tmp_path / "a.yaml", date(2026, 1, 1))
