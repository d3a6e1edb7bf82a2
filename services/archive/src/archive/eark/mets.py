"""METS: the package's own account of what it holds (CSIP and SIP 2.1.0, METS 1.12).

The root names what describes the whole and points at the representation's METS, which lists the data.
Requirements are named as the specifications number them: https://earkcsip.dilcis.eu, https://earksip.dilcis.eu.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import uuid5

from lxml.etree import _Element

from archive.eark.layout import Placed
from archive.eark.markup import CSIP, METS, SIP, XLINK, XSI, child, mark, moment, root, written
from archive.eark.record import Record

PROFILE = "https://earksip.dilcis.eu/profile/E-ARK-SIP-v2-1-0.xml"
"""With its version, though the text of SIP2 has it without: commons-ip asks for it (keeps/commons-ip#161)."""

TYPE = "Textual works – Digital"
"""CSIP's vocabulary, which spells it with an en dash."""

CONTENT = "ERMS"
REPRESENTATION = "rep1"
REPRESENTATION_FOLDER = f"representations/{REPRESENTATION}"


@dataclass(frozen=True)
class Described:
    """The files of the root METS, by what they are for."""

    descriptive: Placed
    preservation: Placed
    documentation: Sequence[Placed]
    schemas: Sequence[Placed]
    representation: Placed


def object_id(record: Record) -> str:
    """The name of the package and of its root folder: never the diarienummer, which may hold anything."""
    return f"uuid-{record.packet_id}"


def root_mets(record: Record, described: Described) -> bytes:
    top = _mets(record, object_id(record), record.title, "schemas/")
    _header(top, record)
    _description(top, record, described.descriptive)
    _preservation(top, record, described.preservation)
    section = child(top, "fileSec", None, {"ID": _id(record, "fileSec")})
    groups = {
        "Documentation": described.documentation,
        "Schemas": described.schemas,
        f"Representations/{REPRESENTATION}": (described.representation,),
    }
    for use, files in groups.items():
        _group(section, record, use, files)
    division = _structure(top, record, object_id(record))
    _metadata_division(division, record, {"DMDID": _id(record, "dmdSec")})
    _division(division, record, "Documentation")
    _division(division, record, "Schemas")
    _representation_division(division, record, described.representation)
    return written(top)


def representation_mets(record: Record, data: Sequence[Placed], preservation: Placed) -> bytes:
    """Its files are named from the representation's own folder."""
    folder = f"{REPRESENTATION_FOLDER}/"
    top = _mets(record, REPRESENTATION, f"{record.title}, filer", "../../schemas/")
    _header(top, record)
    _preservation(top, record, preservation, folder)
    section = child(top, "fileSec", None, {"ID": _id(record, "fileSec")})
    _group(section, record, "Data", data, folder)
    division = _structure(top, record, REPRESENTATION)
    _metadata_division(division, record, {})
    _division(division, record, "Data")
    return written(top)


def _mets(record: Record, name: str, label: str, schemas: str) -> _Element:
    top = root(METS, "mets", {None: METS, "csip": CSIP, "sip": SIP, "xlink": XLINK, "xsi": XSI})
    places = {METS: "mets.xsd", CSIP: "DILCISExtensionMETS.xsd", SIP: "DILCISExtensionSIPMETS.xsd"}
    attributes = {
        "OBJID": name,
        "TYPE": TYPE,
        "LABEL": label,
        "PROFILE": PROFILE,
        "csip:CONTENTINFORMATIONTYPE": CONTENT,
        "xsi:schemaLocation": " ".join(f"{space} {schemas}{file}" for space, file in places.items()),
    }
    mark(top, attributes)
    return top


def _header(top: _Element, record: Record) -> None:
    at = moment(record.frozen_at)
    attributes = {
        "CREATEDATE": at,
        "LASTMODDATE": at,
        "RECORDSTATUS": "NEW",
        "csip:OAISPACKAGETYPE": "SIP",
    }
    header = child(top, "metsHdr", None, attributes)
    maker = {"ROLE": "CREATOR", "TYPE": "OTHER", "OTHERTYPE": "SOFTWARE"}
    _agent(header, maker, "Kansli", "SOFTWARE VERSION", record.software)
    organisation = record.organisation
    for role, name in (("CREATOR", organisation.name), ("ARCHIVIST", record.committee)):
        kind = {"ROLE": role, "TYPE": "ORGANIZATION"}
        _agent(header, kind, name, "IDENTIFICATIONCODE", organisation.number)
    if record.agreement:
        child(header, "altRecordID", record.agreement, {"TYPE": "SUBMISSIONAGREEMENT"})
    if record.case:
        child(header, "altRecordID", record.case, {"TYPE": "REFERENCECODE"})


def _agent(header: _Element, kind: dict[str, str], name: str, note_type: str, note: str | None) -> None:
    agent = child(header, "agent", None, kind)
    child(agent, "name", name)
    if note:
        child(agent, "note", note, {"csip:NOTETYPE": note_type})


def _description(top: _Element, record: Record, file: Placed) -> None:
    attributes = {"ID": _id(record, "dmdSec"), "CREATED": moment(record.frozen_at), "STATUS": "CURRENT"}
    _reference(child(top, "dmdSec", None, attributes), record, file, "DC")


def _preservation(top: _Element, record: Record, file: Placed, folder: str = "") -> None:
    attributes = {"ID": _id(record, "digiprovMD"), "CREATED": moment(record.frozen_at), "STATUS": "CURRENT"}
    section = child(child(top, "amdSec"), "digiprovMD", None, attributes)
    _reference(section, record, file, "PREMIS", folder)


def _reference(section: _Element, record: Record, file: Placed, kind: str, folder: str = "") -> None:
    attributes = {"MDTYPE": kind, **_location(file, folder), **_fixity(record, file)}
    child(section, "mdRef", None, attributes)


def _group(section: _Element, record: Record, use: str, files: Sequence[Placed], folder: str = "") -> None:
    """One fileGrp; every file's ID begins with ID, which an XML name may and a number may not."""
    group = child(section, "fileGrp", None, {"ID": _id(record, use), "USE": use})
    if use.startswith("Representations/"):
        mark(group, {"csip:CONTENTINFORMATIONTYPE": CONTENT})
    for file in files:
        listed = child(group, "file", None, {"ID": _id(record, file.path), **_fixity(record, file)})
        child(listed, "FLocat", None, _location(file, folder))


def _location(file: Placed, folder: str = "") -> dict[str, str]:
    """Where the file lies, from the folder of the METS that lists it."""
    return {"LOCTYPE": "URL", "xlink:type": "simple", "xlink:href": file.path.removeprefix(folder)}


def _fixity(record: Record, file: Placed) -> dict[str, str]:
    return {
        "MIMETYPE": file.media_type,
        "SIZE": str(file.size),
        "CREATED": moment(record.frozen_at),
        "CHECKSUM": file.sha256,
        "CHECKSUMTYPE": "SHA-256",
    }


def _structure(top: _Element, record: Record, name: str) -> _Element:
    """CSIP's structMap, and in it the division of the whole."""
    attributes = {"ID": _id(record, f"{name}/structMap"), "TYPE": "PHYSICAL", "LABEL": "CSIP"}
    return child(
        child(top, "structMap", None, attributes),
        "div",
        None,
        {"ID": _id(record, f"{name}/div"), "LABEL": name},
    )


def _metadata_division(whole: _Element, record: Record, described: dict[str, str]) -> None:
    attributes = {"ID": _id(record, "Metadata/div"), "LABEL": "Metadata", "ADMID": _id(record, "digiprovMD")}
    child(whole, "div", None, {**attributes, **described})


def _division(whole: _Element, record: Record, use: str) -> None:
    division = child(whole, "div", None, {"ID": _id(record, f"{use}/div"), "LABEL": use})
    child(division, "fptr", None, {"FILEID": _id(record, use)})


def _representation_division(whole: _Element, record: Record, mets: Placed) -> None:
    use = f"Representations/{REPRESENTATION}"
    division = child(whole, "div", None, {"ID": _id(record, f"{use}/div"), "LABEL": use})
    child(division, "mptr", None, {**_location(mets), "xlink:title": _id(record, use)})


def _id(record: Record, what: str) -> str:
    return f"ID-{uuid5(record.packet_id, what)}"
