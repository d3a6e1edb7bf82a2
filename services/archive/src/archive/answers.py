"""Answers in JSON: what the archive tells is about people, and is kept in no cache on the way."""

from typing import Any

from aiohttp import web
from pydantic_core import to_json


def in_json(content: Any, status: int = 200) -> web.Response:
    return web.Response(
        body=to_json(content),
        status=status,
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )
