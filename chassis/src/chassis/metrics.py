"""What a service counts and measures, for Prometheus; no ids and nothing personal in labels."""

from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_PROCESSING_BUCKETS_S = (*Histogram.DEFAULT_BUCKETS[:-1], 30, 120, 600)
"""A batch takes milliseconds; a mail relay may take ten minutes for a letter (RFC 5321 § 4.5.3.2.6)."""

_AGE_BUCKETS_S = (0.05, 0.25, 1, 5, 15, 60, 300, 900, 3600, 6 * 3600, 24 * 3600)


class Metrics:
    """One registry per service, so that four services can live in one process."""

    def __init__(self, service: str) -> None:
        self.registry = CollectorRegistry()
        self.build_info = Gauge(
            "kansli_build_info",
            "The running version",
            ["service", "version"],
            registry=self.registry,
        )
        self.build_info.labels(service, service_version(service)).set(1)
        self.processed = Counter(
            "kansli_messages_processed_total",
            "Events and errands handled, by how it ended",
            ["queue", "outcome"],
            registry=self.registry,
        )
        self.processing = Histogram(
            "kansli_message_processing_seconds",
            "Time to handle and commit a batch, or to do an errand",
            ["queue"],
            buckets=_PROCESSING_BUCKETS_S,
            registry=self.registry,
        )
        self.age = Histogram(
            "kansli_message_age_seconds",
            "Age of events and errands when they are handled",
            ["queue"],
            buckets=_AGE_BUCKETS_S,
            registry=self.registry,
        )
        self.retries = Counter(
            "kansli_retries_total",
            "Events and errands put off for another attempt",
            ["queue"],
            registry=self.registry,
        )
        self.parked = Counter(
            "kansli_parked_total",
            "Events and errands parked for a person",
            ["queue"],
            registry=self.registry,
        )
        self.published = Counter(
            "kansli_published_total",
            "Events whose listener's queue confirmed them",
            ["queue"],
            registry=self.registry,
        )
        self.publish_failures = Counter(
            "kansli_publish_failures_total",
            "Messages that were not confirmed",
            ["queue", "reason"],
            registry=self.registry,
        )
        self._bus_up = Gauge(
            "kansli_bus_up",
            "1 while messages can go and come, 0 while the broker is away",
            registry=self.registry,
        )

    def watch_bus(self, is_up: Callable[[], bool]) -> None:
        """Ask at each scrape whether the bus carries."""
        self._bus_up.set_function(is_up)


def service_version(service: str) -> str:
    """The version of the service's own package, as each is upgraded alone; the chassis comes with it.

    `unknown` where the code runs without having been installed.
    """
    try:
        return version(f"kansli-{service}")
    except PackageNotFoundError:
        return "unknown"
