"""Files for a browser: shown or saved by it, run by nobody, and never kept in its cache."""

from typing import Any

from aiohttp import web
from sqlalchemy.engine import Row

from chassis.objects import NoObject, Objects
from chassis.problems import Problem

PDF = "application/pdf"


async def kept_file(
    objects: Objects, name: str, media_type: str, saved_as: str, *, foreign: bool = False
) -> web.Response:
    """The bytes that were kept; raises `Problem` when they are not there any more."""
    try:
        return a_file(await objects.read(name), media_type, saved_as, foreign=foreign)
    except NoObject:
        detail = "Filen finns inte kvar i lagret. Be driften att återställa den."
        raise Problem(500, "file-gone", "Filen saknas", detail) from None


def a_file(content: bytes, media_type: str, saved_as: str, *, foreign: bool = False) -> web.Response:
    """A PDF of our own opens in the browser; anything else is saved, and runs nowhere."""
    how = "inline" if media_type == PDF and not foreign else "attachment"
    headers = {
        "Content-Type": media_type,
        "Content-Disposition": f'{how}; filename="{saved_as}"',
        **({} if how == "inline" else {"Content-Security-Policy": "sandbox"}),
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
    }
    return web.Response(body=content, headers=headers)


def removed(packet: Row[Any], name: str) -> Problem:
    """What is gone by decision is told with the decision, and with the hash that it had."""
    return Problem(
        410,
        "removed",
        "Gallrat",
        "Filen är gallrad enligt nämndens beslut. Beslutet och filens kontrollsumma finns kvar.",
        members={"sha256": packet.files[name]["sha256"], "decision": packet.removal},
    )
