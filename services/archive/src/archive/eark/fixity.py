"""Our own look at a package, quick enough for every one: is each file there, whole, and listed once?

It needs nothing but the package. A validator sees other things, such as whether an archive knows the
profile; this one is run when a package is written and may be run whenever one is fetched.
"""

import hashlib
import io
import posixpath
import struct
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import BinaryIO
from zipfile import BadZipFile, ZipFile

from lxml import etree
from lxml.etree import LxmlError, XMLSchema, _Element

from archive.eark.markup import METS, XLINK
from archive.eark.schemas import SCHEMAS

_CHUNK = 1 << 20
_HREF = f"{{{XLINK}}}href"
_UNREADABLE = (BadZipFile, LxmlError, RuntimeError, ValueError, EOFError, struct.error, zlib.error)
"""What reading a damaged zip or XML may raise; a disk that cannot be read is no fault of the package."""


class NotIntact(Exception):
    """The package is not what it says of itself; `differences` names the places, never what stands there."""

    def __init__(self, *differences: str) -> None:
        self.differences = differences
        super().__init__("; ".join(differences[:5]))


@dataclass(frozen=True)
class _Listed:
    """A file as a METS tells of it: its path from the root folder, its size in bytes and its SHA-256."""

    path: str
    size: str | None
    sha256: str | None


def verify(package: bytes | Path | BinaryIO) -> None:
    """Compare the package with its METS files.

    Raises:
        NotIntact: it has other than one root folder, a file is missing, changed, unlisted or listed twice,
            a path leads out of it, a METS breaks its schema, or it cannot be read at all.
    """
    source = io.BytesIO(package) if isinstance(package, bytes) else package
    try:
        with ZipFile(source) as archive:
            _verify_root(archive)
    except _UNREADABLE as error:
        raise NotIntact(f"unreadable: {type(error).__name__}") from error


def _verify_root(archive: ZipFile) -> None:
    names = [entry.filename for entry in archive.infolist() if not entry.is_dir()]
    if min((entry.header_offset for entry in archive.infolist()), default=0) != 0:
        raise NotIntact("the zip does not begin with its first file")
    roots = {name.partition("/")[0] for name in archive.namelist()}
    if len(roots) != 1:
        raise NotIntact(f"{len(roots)} root folders")
    root = roots.pop()
    differences = list(_Package(archive, root, tuple(names)).differences())
    if differences:
        raise NotIntact(*differences)


@dataclass(frozen=True)
class _Package:
    """A zip whose every name begins with the root folder; `names` has a name as often as the zip has it."""

    archive: ZipFile
    root: str
    names: tuple[str, ...]

    def differences(self) -> Iterator[str]:
        listed: list[_Listed] = []
        for path, mets in self._mets_files():
            yield from _breaches(path, mets, self.root)
            listed.extend(_listed_in(mets, posixpath.dirname(path)))
        yield from self._miscounted(listed)
        for file in listed:
            if self._full(file.path) in self.names:
                yield from self._changed(file)

    def _mets_files(self) -> Iterator[tuple[str, _Element]]:
        """The root's METS and those that it points at, each once."""
        waiting = ["METS.xml"]
        seen: set[str] = set()
        while waiting:
            path = waiting.pop()
            if path not in seen and self._full(path) in self.names:
                seen.add(path)
                mets = etree.fromstring(self.archive.read(self._full(path)), _parser())
                yield path, mets
                folder = posixpath.dirname(path)
                waiting += [_resolved(folder, it) for it in mets.iterfind(f".//{{{METS}}}mptr")]

    def _miscounted(self, listed: list[_Listed]) -> Iterator[str]:
        """The root's METS lists all but itself."""
        told = Counter([self._full(file.path) for file in listed] + [self._full("METS.xml")])
        there = Counter(self.names)
        yield from (f"{name}: there {times} times" for name, times in there.items() if times > 1)
        yield from (f"{name}: listed {times} times" for name, times in told.items() if times > 1)
        yield from (f"{name}: not listed" for name in there if name not in told)
        yield from (f"{name}: missing" for name in told if name not in there)
        yield from (f"{name}: leads out" for name in there if name != posixpath.normpath(name))

    def _changed(self, file: _Listed) -> Iterator[str]:
        size, digest = 0, hashlib.sha256()
        with self.archive.open(self._full(file.path)) as content:
            while chunk := content.read(_CHUNK):
                size += len(chunk)
                digest.update(chunk)
        if str(size) != file.size:
            yield f"{file.path}: size"
        if digest.hexdigest() != file.sha256:
            yield f"{file.path}: checksum"

    def _full(self, path: str) -> str:
        return f"{self.root}/{path}"


def _breaches(path: str, mets: _Element, root: str) -> Iterator[str]:
    """A METS goes by the name of the folder that it lies in."""
    folder = posixpath.basename(posixpath.dirname(path)) or root
    if mets.get("OBJID") != folder:
        yield f"{path}: its name is not its folder's"
    schema = _schema()
    if not schema.validate(mets):
        yield from (f"{path}: line {error.line} breaks the schema" for error in schema.error_log)


def _listed_in(mets: _Element, folder: str) -> Iterator[_Listed]:
    for reference in mets.iterfind(f".//{{{METS}}}mdRef"):
        yield _listed(reference, reference, folder)
    for file in mets.iterfind(f".//{{{METS}}}file"):
        for location in file.iterfind(f"{{{METS}}}FLocat"):
            yield _listed(file, location, folder)


def _listed(file: _Element, location: _Element, folder: str) -> _Listed:
    is_sha256 = file.get("CHECKSUMTYPE") == "SHA-256"
    checksum = file.get("CHECKSUM") if is_sha256 else None
    return _Listed(_resolved(folder, location), file.get("SIZE"), checksum)


def _resolved(folder: str, location: _Element) -> str:
    """From the root folder; what leads out of it is the name of no file there, and so is missing."""
    return posixpath.normpath(posixpath.join(folder, location.get(_HREF) or ""))


def _parser() -> etree.XMLParser:
    """Reads what lies in the package and nothing else."""
    return etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)


@cache
def _schema() -> XMLSchema:
    return XMLSchema(file=SCHEMAS / "mets.xsd")
