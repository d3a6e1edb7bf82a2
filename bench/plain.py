"""The least that aiohttp can do: take a body and answer 202. `python bench/plain.py PORT`."""

import sys

import uvloop
from aiohttp import web


async def take(request: web.Request) -> web.Response:
    await request.read()
    return web.json_response({"id": "none"}, status=202)


def main() -> None:
    app = web.Application()
    app.add_routes([web.post("/v1/submissions", take)])
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), access_log=None, loop=uvloop.new_event_loop())


if __name__ == "__main__":
    main()
