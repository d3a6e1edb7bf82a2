"""The gallery of letters, made anew: `python -m support.letter_pictures`, or `make letters`."""

import asyncio
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.async_api import Browser

from notification.examples import EXAMPLES, Kind
from notification.preview import committee_of, letter_of
from support.chromium import chromium

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "letters.md"
PICTURES = ROOT / "docs" / "letters"
COMMITTEE = committee_of(ROOT / "deploy" / "example", "valfard")

WIDE = {"width": 640, "height": 400}
EYES = ("light", "dark")
COLOURS = 32
"""A letter has few; the edges of its words do with these."""

HEAD = """# The letters

Every letter that Kansli writes, as it looks in a light and a dark window; its text part has the same words.
All facts are made up. `python -m notification preview all` writes these letters as `.eml` and `.html` files,
and `make letters` makes this page anew.
"""


def gallery_page() -> str:
    return HEAD + "".join(_entry(kind) for kind in EXAMPLES)


def _entry(kind: Kind) -> str:
    example = EXAMPLES[kind]
    to = "who sent the report" if example.to_sender else "the secretary and the copies"
    pictures = [f"![`{kind}` in a {eyes} window](letters/{kind}-{eyes}.png)" for eyes in EYES]
    return f"""
## {kind}

{example.when} To {to}.

Subject: *{letter_of(kind, COMMITTEE).subject}*

| light | dark |
|---|---|
| {" | ".join(pictures)} |
"""


async def make_gallery() -> None:
    PICTURES.mkdir(exist_ok=True)
    PAGE.write_text(gallery_page(), encoding="utf-8")
    async with chromium() as browser:
        for kind in EXAMPLES:
            for eyes in EYES:
                picture = await _picture(browser, letter_of(kind, COMMITTEE).html, eyes)
                _small(picture).save(PICTURES / f"{kind}-{eyes}.png", optimize=True)


async def _picture(browser: Browser, html: str, eyes: str) -> bytes:
    context = await browser.new_context(color_scheme=eyes, viewport=WIDE)  # type: ignore[arg-type]
    try:
        page = await context.new_page()
        await page.set_content(html)
        return await page.screenshot(full_page=True)
    finally:
        await context.close()


def _small(picture: bytes) -> Image.Image:
    return Image.open(BytesIO(picture)).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)


if __name__ == "__main__":
    asyncio.run(make_gallery())
