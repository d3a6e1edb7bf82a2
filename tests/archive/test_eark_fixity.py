"""Our own look at a package sees what a validator sees, and what it would not."""

import io
import warnings
from pathlib import Path
from zipfile import ZipFile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archive.eark.fixity import NotIntact, verify
from archive.eark.package import build_sip
from support.records import DATA, ROOT, Change, mutated, mutations, record, registered, variety

PACKAGE = build_sip(record())


@pytest.mark.parametrize("kind", variety())
def test_a_package_that_was_just_made_is_whole(kind: str, tmp_path: Path) -> None:
    """As bytes and as a file."""
    package = build_sip(variety()[kind])
    verify(package)
    (tmp_path / "sip.zip").write_bytes(package)
    verify(tmp_path / "sip.zip")


@pytest.mark.parametrize("name", mutations())
def test_a_package_that_was_changed_is_not(name: str) -> None:
    """Each change that commons-ip rejects is rejected here too, without Java."""
    with pytest.raises(NotIntact):
        verify(mutated(PACKAGE, mutations()[name]))


@settings(max_examples=200, deadline=None)
@given(at=st.integers(0, len(PACKAGE) - 1), bit=st.integers(0, 7))
def test_a_flipped_bit_is_seen_or_lies_outside_the_files(at: int, bit: int) -> None:
    """What a disk may do in thirty years: either it is told, or every file is still what it was."""
    damaged = bytearray(PACKAGE)
    damaged[at] ^= 1 << bit
    try:
        verify(bytes(damaged))
    except NotIntact:
        return
    with ZipFile(io.BytesIO(damaged)) as after, ZipFile(io.BytesIO(PACKAGE)) as before:
        assert {name: after.read(name) for name in after.namelist()} == {
            name: before.read(name) for name in before.namelist()
        }


def replaced(path: str, old: bytes, new: bytes) -> Change:
    return lambda files: {**files, f"{ROOT}/{path}": files[f"{ROOT}/{path}"].replace(old, new)}


@pytest.mark.parametrize(
    ("told", "path"),
    [
        ("listed 2 times", b"documentation/LASMIG.txt"),
        ("missing", b"../outside.txt"),
        ("missing", b"/etc/hostname"),
        ("missing", b"documentation/other.txt"),
    ],
)
def test_a_file_that_is_listed_twice_or_leads_elsewhere_is_told(told: str, path: bytes) -> None:
    """No other name in the METS reaches a file, in the package or out of it."""
    change = replaced("METS.xml", b'"schemas/xlink.xsd"', b'"' + path + b'"')
    with pytest.raises(NotIntact) as found:
        verify(mutated(PACKAGE, change))
    assert told in str(found.value)


def test_two_files_of_one_name_are_told() -> None:
    """Programs differ in which of the two they show."""
    target = io.BytesIO(PACKAGE)
    with warnings.catch_warnings(), ZipFile(target, "a") as archive:
        warnings.simplefilter("ignore")
        archive.writestr(f"{DATA}/001/rapport.pdf", b"another")
    with pytest.raises(NotIntact, match="there 2 times"):
        verify(target)


@pytest.mark.parametrize("name", [f"{ROOT}/../outside.txt", f"{ROOT}/./METS.xml", "/METS.xml", "empty/"])
def test_a_name_that_leads_out_of_the_root_folder_is_told(name: str) -> None:
    """A zip that is unpacked without care could write anywhere."""
    target = io.BytesIO(PACKAGE)
    with ZipFile(target, "a") as archive:
        archive.writestr(name, b"")
    with pytest.raises(NotIntact):
        verify(target)


def test_an_entity_in_a_mets_reaches_no_file(tmp_path: Path) -> None:
    """A package from elsewhere cannot have this machine's files read."""
    secret = tmp_path / "secret.txt"
    secret.write_text("uuid-secret")
    declared = f'<?xml version="1.0"?><!DOCTYPE mets [<!ENTITY e SYSTEM "{secret.as_uri()}">]>'.encode()

    def hostile(files: dict[str, bytes]) -> dict[str, bytes]:
        body = files[f"{ROOT}/METS.xml"].partition(b"?>")[2]
        agent = body.replace(b"<name>Kansli</name>", b"<name>&e;</name>")
        return {**files, f"{ROOT}/METS.xml": declared + agent}

    with pytest.raises(NotIntact) as found:
        verify(mutated(PACKAGE, hostile))
    assert "secret" not in str(found.value)


@pytest.mark.parametrize("junk", [b"", b"not a zip", PACKAGE[:-40], PACKAGE[40:]])
def test_what_is_no_package_is_told(junk: bytes) -> None:
    """The same error for whatever is wrong, so that nobody has to catch two."""
    with pytest.raises(NotIntact):
        verify(junk)


def test_what_differs_is_named_without_a_word_of_the_content() -> None:
    """It is logged: names in the package are our own, never a sender's."""
    change = replaced("representations/rep1/data/erms.xml", b"Exempelsson", b"Andersson")
    with pytest.raises(NotIntact) as found:
        verify(mutated(build_sip(record(registered())), change))
    assert found.value.differences == (
        "representations/rep1/data/erms.xml: size",
        "representations/rep1/data/erms.xml: checksum",
    )
