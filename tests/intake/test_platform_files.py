"""A file that is not taken does not hold back the document that it came with: nobody is there to mend it."""

import base64

from support.desk import send
from support.file_samples import png
from support.flow_instances import as_xml, instance, question, report
from support.houses import SHIPPED_FORMS
from support.platforms import RunIntake


def file(name: str, content: bytes) -> dict[str, str]:
    return {
        "ID": "1",
        "Name": name,
        "Size": str(len(content)),
        "EncodedData": base64.b64encode(content).decode(),
    }


async def test_a_file_that_is_refused_is_left_out_with_a_word(run_intake: RunIntake) -> None:
    """The good one comes along, and the secretary is told which did not and why."""
    files = [file("ritning.docx", b"PK\x03\x04" + bytes(40)), file("bild.png", png())]
    document = as_xml(instance(values=report(bilagor=question(File=files))))
    async with run_intake(forms=str(SHIPPED_FORMS)) as intake:
        assert (await send(intake, document)).status == 202
        (event,) = await intake.said("submission.received")
    assert [attachment["name"] for attachment in event.data["attachments"]] == ["bild.png"]
    (finding,) = (one for one in event.data["findings"] if one["rule"] == "file-refused")
    assert (finding["outcome"], "Fil nummer 1 följer inte med" in finding["message"]) == ("note", True)
    assert "ritning" not in str(event.data["findings"])
