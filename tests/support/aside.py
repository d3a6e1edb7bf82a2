"""Asynchronous calls from where nothing can be awaited, such as a fixture that is no coroutine."""

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

Answer = TypeVar("Answer")


def run_aside(call: Coroutine[Any, Any, Answer]) -> Answer:
    """Run the call in a loop and a thread of its own: it works whether or not a loop runs here."""
    with ThreadPoolExecutor(max_workers=1) as threads:
        return threads.submit(asyncio.run, call).result()
