"""What the package is, for whoever finds it: Dublin Core for machines, a page of Swedish for people.

Neither names a sender or a report: they can be shown to anybody.
"""

from archive.eark.layout import DATA
from archive.eark.markup import child, legible, moment, root, written
from archive.eark.record import Record
from chassis.clock import in_stockholm

DC = "http://purl.org/dc/elements/1.1/"
OAI_DC = "http://www.openarchives.org/OAI/2.0/oai_dc/"


def dublin_core(record: Record) -> bytes:
    top = root(OAI_DC, "dc", {"oai_dc": OAI_DC, "dc": DC})
    for element, text in _elements(record):
        child(top, element, text, namespace=DC)
    return written(top)


def _elements(record: Record) -> list[tuple[str, str]]:
    elements = [
        ("title", record.title),
        ("creator", record.committee),
        ("publisher", record.organisation.name),
        ("date", moment(record.frozen_at)),
        ("type", "Text"),
        ("language", "sv"),
        ("identifier", f"uuid-{record.packet_id}"),
    ]
    if record.case:
        elements.append(("identifier", record.case))
    if record.replaces:
        elements.append(("relation", f"uuid-{record.replaces}"))
    return elements


def documentation(record: Record) -> bytes:
    """LASMIG.txt, in UTF-8: read by a person who has the package and nothing else."""
    frozen = in_stockholm(record.frozen_at)
    number = f" ({record.organisation.number})" if record.organisation.number else ""
    lines = [
        record.title,
        "",
        f"Organisation: {record.organisation.name}{number}",
        f"Nämnd: {record.committee}",
        f"Sammanträde: {record.meeting}",
        f"Fastställt: {frozen:%Y-%m-%d kl. %H.%M} (svensk tid)",
        f"Antal rapporter: {len(record.reports)}",
        f"Ärendets diarienummer: {record.case or 'saknas'}",
        *_correction(record),
        "",
        *_WHAT_IS_HERE,
        "",
        f"Arkivpaketet är gjort av Kansli {record.software}.",
    ]
    return legible("\n".join(lines) + "\n").encode("utf-8")


def _correction(record: Record) -> list[str]:
    return [f"Rättar och ersätter: uuid-{record.replaces}"] if record.replaces else []


_WHAT_IS_HERE = [
    "Det här är handlingarna till ett sammanträde, som de var när de fastställdes.",
    "",
    f"{DATA}/handlingar.pdf  alla rapporterna i en fil",
    f"{DATA}/innehall.json   förteckning över rapporterna",
    f"{DATA}/erms.xml        registeruppgifter: diarienummer, datum, avsändare, rubrik",
    f"{DATA}/001/            den första rapporten; 002 den andra, och så vidare",
    "    rapport.pdf     rapporten som den visas",
    "    rapport.json    uppgifterna som de lämnades in",
    "    bilaga-01 …     filer som följde med, oförändrade",
    "",
    "PDF-filerna är PDF/A-2a och PDF/UA-1. Bilagorna är som de kom.",
    "METS.xml och representations/rep1/METS.xml anger varje fils storlek och kontrollsumma (SHA-256).",
    "representations/rep1/metadata/preservation/premis.xml berättar vad som har hänt med filerna.",
    "schemas/ innehåller de scheman som METS-filerna följer (E-ARK CSIP och SIP 2.1.0).",
    "Registeruppgifterna följer CITS ERMS, vars schema finns hos DILCIS Board.",
]
