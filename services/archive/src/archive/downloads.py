"""Files for a browser: shown or saved by it, run by nobody, and never kept in its cache."""

import asyncio
from contextlib import ExitStack
from tempfile import TemporaryFile
from typing import Any, BinaryIO

from aiohttp import web
from sqlalchemy.engine import Row

from chassis.objects import NoObject, Objects
from chassis.problems import Problem
from chassis.store import StoreUnavailable

PDF = "application/pdf"


async def kept_file(
    objects: Objects, name: str, media_type: str, saved_as: str, *, foreign: bool = False
) -> web.Response:
    """The bytes that were kept; raises `Problem` when they are not there any more."""
    try:
        return a_file(await _copy(objects, name), media_type, saved_as, foreign=foreign)
    except NoObject:
        detail = "Filen finns inte kvar i lagret. Be driften att återställa den."
        raise Problem(500, "file-gone", "Filen saknas", detail) from None


async def _copy(objects: Objects, name: str) -> BinaryIO:
    """All the bytes, before the first of them is sent: only the last tells that they are the right ones.

    The file has no name and lies where TMPDIR says, else in /tmp. It is gone when it is closed, and when
    the process is killed.

    Raises:
        NoObject, StoreUnavailable: as `Objects.copy`, and where the file finds no room.
    """
    with ExitStack() as unless_whole:
        content = unless_whole.enter_context(await asyncio.to_thread(_nameless_file))
        await objects.copy(name, content)
        await asyncio.to_thread(content.seek, 0)
        unless_whole.pop_all()
    return content


def _nameless_file() -> BinaryIO:
    try:
        return TemporaryFile()
    except OSError as error:
        raise StoreUnavailable(type(error).__name__) from error


def a_file(
    content: bytes | BinaryIO, media_type: str, saved_as: str, *, foreign: bool = False
) -> web.Response:
    """A PDF of our own opens in the browser; anything else is saved, and runs nowhere.

    An open file is sent in pieces, and closed.
    """
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
