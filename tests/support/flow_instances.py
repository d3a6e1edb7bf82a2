"""Writing a FlowInstance as Open ePlatform does, and as Frends writes the same in JSON."""

from collections.abc import Sequence
from typing import Any
from xml.sax.saxutils import escape

NAMESPACE = "http://www.oeplatform.org/version/2.0/schemas/flowinstance"

Tree = dict[str, Any]
"""Elements by name: a text, a tree, or a list of them where the element is repeated."""

BERTIL: Tree = {
    "Firstname": "Bertil",
    "Lastname": "Påhittad",
    "Email": "bertil.pahittad@valfard.example",
    "ID": "4711",
}


def question(**answers: Any) -> Tree:
    """A question of the form, with the number and the words that the platform gives it."""
    return {"QueryID": "10548", "Name": "Frågan som den ställdes", **answers}


def chosen(*values: str) -> Tree:
    return question(Value=list(values))


def report(**values: Any) -> Tree:
    """The answers of one report to the form of family 901; a value of None leaves the question out."""
    answers: Tree = {
        "besoksdatum": question(StartDate="2026-11-12"),
        "verksamhet": chosen("Kost"),
        "enhet": question(Enhet="Köket på Åsen"),
        "initiativ": chosen("Inbjudan från verksamheten"),
        "dialog_med": chosen("personal", "brukare"),
        "sammanfattning": question(Sammanfattning="Maten lagas på plats & räcker."),
        "muntlig_sammanfattning": chosen("Nej"),
        "anstalld_i_verksamheten": chosen("Nej"),
        "narstaende_anstalld": chosen("Nej"),
        "ersattning_begars": chosen("Ja"),
        "intygar_ingen_sekretess": chosen("Jag intygar"),
        **values,
    }
    return {name: answer for name, answer in answers.items() if answer is not None}


def instance(
    values: Tree | None = None,
    *,
    family: str = "901",
    reference: str = "190456",
    version: str = "1",
    submitted: str | None = "2026-11-20T14:03:00",
    status: str = "Inskickat",
    poster: Tree | None = BERTIL,
    owners: Sequence[Tree] = (BERTIL,),
    signers: Sequence[Tree] = (),
) -> Tree:
    header: Tree = {
        "Flow": {"FamilyID": family, "Version": version, "FlowID": "2295", "Name": "Rapport"},
        "FlowInstanceID": reference,
        "Status": {"ID": "16703", "Name": status},
    }
    header |= {"Poster": poster} if poster else {}
    header |= {"Owner": list(owners)} if owners else {}
    header |= {"LastSubmitted": submitted} if submitted else {}
    tree: Tree = {"Header": header, "Values": report() if values is None else values}
    signed = [{"Date": "2026-11-20T14:02:00", "Signer": signer} for signer in signers]
    return tree | ({"SigningEvents": {"SignEvent": signed}} if signed else {})


def as_xml(tree: Tree, first_line: str = '<?xml version="1.0" encoding="ISO-8859-1"?>') -> bytes:
    encoding = "iso-8859-1" if "ISO-8859-1" in first_line else "utf-8"
    text = f'{first_line}\n<FlowInstance xmlns="{NAMESPACE}">{_inner_xml(tree)}</FlowInstance>'
    return text.encode(encoding, "xmlcharrefreplace")


def _inner_xml(value: Any) -> str:
    if isinstance(value, str):
        return escape(value)
    return "".join(
        f"<{name}>{_inner_xml(one)}</{name}>"
        for name, several in value.items()
        for one in (several if isinstance(several, list) else [several])
    )


def as_frends(tree: Tree, *, cdata: bool = False) -> Tree:
    """What Frends makes of it: one is an object, several are a list, and nothing is null."""
    return {"FlowInstance": {"@xmlns": NAMESPACE, **_inner_json(tree, cdata)}}


def _inner_json(value: Any, cdata: bool) -> Any:
    if isinstance(value, str):
        return {"#cdata-section": value} if cdata and value else value or None
    if isinstance(value, list):
        written = [_inner_json(one, cdata) for one in value]
        return written[0] if len(written) == 1 else written
    return {name: _inner_json(one, cdata) for name, one in value.items() if one != []}
