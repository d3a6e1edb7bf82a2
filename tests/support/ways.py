"""The ways in which a house can run: how its services speak, and where they keep what they know."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Way:
    bus: str
    amqp_url: str
    asker_url: str
    answerer_url: str
