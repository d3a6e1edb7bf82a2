"""The words of a PDF, as a reader finds them."""

import pypdfium2


def words_of_pdf(content: bytes) -> str:
    """The text of all pages, one space between words."""
    document = pypdfium2.PdfDocument(content)
    try:
        pages = [page.get_textpage().get_text_bounded() for page in document]
    finally:
        document.close()
    return " ".join(" ".join(pages).split())
