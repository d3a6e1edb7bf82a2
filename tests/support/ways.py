"""The ways in which a house can run: how its services speak, and where they keep what they know."""

from dataclasses import dataclass

import pytest

SQLITE = pytest.param("embedded-sqlite")
POSTGRESQL = pytest.param("embedded-postgresql", marks=pytest.mark.postgresql)
RABBITMQ = pytest.param("rabbitmq-sqlite", marks=pytest.mark.rabbitmq)

ONE_OF_EACH_BUS = pytest.mark.parametrize("way", [SQLITE, RABBITMQ], indirect=True)
"""For what takes seconds, and where the database makes no difference that a shorter test would not see."""


@dataclass(frozen=True)
class Way:
    bus: str
    amqp_url: str
    asker_url: str
    answerer_url: str
