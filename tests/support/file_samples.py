"""Files made for tests: small, whole, and of one kind each."""

import io
from typing import Any

import pikepdf
from PIL import Image


def harmless_pdf(text: str = "Besök") -> bytes:
    return pdf_with({}, text)


def pdf_with(root: dict[str, Any], text: str = "Besök") -> bytes:
    """A page with the text, and more in the document's root; texts that begin with `/` become names."""
    out = io.BytesIO()
    with pikepdf.new() as pdf:
        page = pdf.add_blank_page(page_size=(300, 300))
        font = pikepdf.Dictionary(
            Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica
        )
        page.Resources = pikepdf.Dictionary(Font=pikepdf.Dictionary(F1=font))
        page.Contents = pdf.make_stream(f"BT /F1 12 Tf 20 100 Td ({text}) Tj ET".encode("latin-1"))
        for key, value in root.items():
            pdf.Root[key] = _in_pdf(value)
        pdf.save(out, deterministic_id=True)
    return out.getvalue()


def _in_pdf(value: Any) -> Any:
    if isinstance(value, dict):
        return pikepdf.Dictionary({key: _in_pdf(inside) for key, inside in value.items()})
    if isinstance(value, list):
        return pikepdf.Array([_in_pdf(inside) for inside in value])
    return pikepdf.Name(value) if value.startswith("/") else pikepdf.String(value)


def jpeg(**saving: Any) -> bytes:
    return _picture("JPEG", **saving)


def png(**saving: Any) -> bytes:
    return _picture("PNG", **saving)


def _picture(form: str, **saving: Any) -> bytes:
    out = io.BytesIO()
    Image.effect_noise((40, 20), 90).save(out, form, **saving)
    return out.getvalue()
