"""`python -m chassis.knock URL`: does a service answer? For the health check of a container.

It imports nothing of the service: 0.07 s where the service's own command line takes 1.2 s, twice a minute.
"""

import sys
from http import HTTPStatus
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

TIMEOUT_S = 4.0
"""Longer than a service waits for its database before it says that it is not ready."""


def knock(url: str) -> str | None:
    """Why the service at the URL is not well, or None when it is; a proxy is never asked."""
    try:
        with build_opener(ProxyHandler({})).open(url, timeout=TIMEOUT_S) as answer:
            return None if answer.status == HTTPStatus.OK else str(answer.status)
    except (URLError, OSError) as error:
        return str(error)


if __name__ == "__main__":
    sys.exit(knock(sys.argv[1]))
