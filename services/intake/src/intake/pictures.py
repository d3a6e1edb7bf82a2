"""Pictures are made anew: what was hidden beside the picture, such as where it was taken, stays behind."""

import io
from typing import Any

from PIL import ExifTags, Image, UnidentifiedImageError

from intake.refusals import Refused

MAX_PIXELS = 64_000_000
"""The largest of ordinary cameras; four bytes a pixel and two copies are half a gibibyte."""

_TOO_LARGE = (
    "Bilden har för många bildpunkter. Gör den mindre, till högst 64 megapixlar, och skicka den igen."
)
_BROKEN = "Bilden är skadad eller inte hel. Öppna den, spara den på nytt som JPEG eller PNG och skicka den."
_SAVING: dict[str, dict[str, Any]] = {"JPEG": {"quality": 95, "subsampling": 0}, "PNG": {}}


def redrawn(content: bytes, form: str) -> bytes:
    """The picture's first frame, upright, as a new `JPEG` or `PNG` with its colour profile and nothing else.

    Raises:
        Refused: it cannot be opened, or has more than `MAX_PIXELS`, which its header tells beforehand.
    """
    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    try:
        _opened(content, form).verify()
        return _saved(_upright(_opened(content, form)), form)
    except Image.DecompressionBombError:
        raise Refused(_TOO_LARGE) from None
    except (OSError, SyntaxError, ValueError, EOFError, UnidentifiedImageError):
        raise Refused(_BROKEN) from None


def _upright(picture: Image.Image) -> Image.Image:
    """Turned as its EXIF says, if that can be read at all: it is thrown away whatever it holds."""
    try:
        turn = _TURNS.get(int(picture.getexif().get(ExifTags.Base.Orientation, 1)))
    except Exception:
        turn = None
    return picture if turn is None else picture.transpose(turn)


_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What undoes each orientation of EXIF 2.32, tag 0x0112; 1 is upright."""


def _opened(content: bytes, form: str) -> Image.Image:
    picture = Image.open(io.BytesIO(content), formats=[form])
    if picture.width * picture.height > MAX_PIXELS:
        raise Refused(_TOO_LARGE)
    return picture


def _saved(picture: Image.Image, form: str) -> bytes:
    picture.load()
    picture.info = {key: picture.info[key] for key in ("icc_profile", "transparency") if key in picture.info}
    out = io.BytesIO()
    picture.save(out, form, icc_profile=picture.info.get("icc_profile"), **_SAVING[form])
    return out.getvalue()
