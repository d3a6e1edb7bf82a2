"""The notification service: tells the secretary and the sender by e-mail."""

from pathlib import Path

from chassis.bus import Bus
from chassis.cli import main
from chassis.clock import Clock, day_in_stockholm, system_clock
from chassis.folders import WatchedFolder, each
from chassis.metrics import Metrics
from chassis.objects import Objects
from chassis.service import Service
from chassis.store import Store, open_store
from notification import week_counts
from notification.arrivals import Arrivals, mailbox_at, reports_counter
from notification.attached_packets import AttachedPackets
from notification.breaker import Breaker, relay_gauge
from notification.delivery import Delivery, mails_counter
from notification.events import NotificationBounced, NotificationFailed, NotificationSent
from notification.gathering import Gathering
from notification.guidelines import find_forms, load_form
from notification.handlers import Letters
from notification.mailbag import tally
from notification.post import open_post
from notification.preview import PREVIEW
from notification.recipients import find_committees, load_committee
from notification.settings import NotificationSettings
from notification.unarrived import Unarrivals, letter_gauges

HISTORY = Path(__file__).parent / "migrations"
ABOUT = "Writes the letters, sends them, and knows what became of each."


def build(settings: NotificationSettings, bus: Bus, clock: Clock = system_clock) -> Service:
    """Notification writes the letters, sends them, and knows what became of each."""
    store = open_store(settings.database_url.get_secret_value(), settings.service, clock)
    metrics = Metrics(settings.service)
    committees = WatchedFolder(
        [settings.config],
        each(find_committees, lambda path: load_committee(path, day_in_stockholm(clock()))),
    )
    forms = WatchedFolder(
        settings.forms_folders, each(find_forms, lambda folder: load_form(folder, day_in_stockholm(clock())))
    )
    sender = settings.sender
    pages_url = settings.pages_url.rstrip("/")
    letters = Letters(
        store,
        committees,
        sender,
        pages_url,
    )
    objects = Objects(settings.objects, settings.objects_key) if settings.objects else None
    packets = AttachedPackets(store, objects)
    gathering = Gathering(store, committees, forms, sender, pages_url, packets)
    post = Breaker(open_post(settings.smtp_url.get_secret_value()), relay_gauge(metrics.registry))
    counter = mails_counter(metrics.registry)
    delivery = Delivery(store, post, settings.sender_address, settings.on_uncertain, counter)
    arrivals = _arrivals(settings, store, metrics)
    unarrivals = Unarrivals(store, committees, *letter_gauges(metrics.registry))
    return Service(
        name=settings.service,
        settings=settings,
        store=store,
        bus=bus,
        metrics=metrics,
        history=HISTORY,
        about=ABOUT,
        clock=clock,
        reads=[*letters.reads(), *week_counts.reads()],
        says=[NotificationSent, NotificationFailed, NotificationBounced],
        errands=delivery.errands(settings.letters_at_once),
        tally=lambda: tally(store),
        folders=[committees, forms],
        background=[gathering.run, unarrivals.run, *([arrivals.watch] if arrivals else [])],
        cleanup=[post.close],
    )


def _arrivals(settings: NotificationSettings, store: Store, metrics: Metrics) -> Arrivals | None:
    if settings.bounces is None:
        return None
    return Arrivals(store, mailbox_at(settings.bounces.get_secret_value()), reports_counter(metrics.registry))


if __name__ == "__main__":
    main(NotificationSettings, build, own=[PREVIEW])
