"""The archive service: files reports with the agenda of the next meeting and keeps the record."""

from pathlib import Path

from archive.api import Api
from archive.committees import load_committees
from archive.events import ReportFiled, ReportHeld, ReportReleased, ReportReturned
from archive.forms import load_forms
from archive.handlers import Registry
from archive.pdf import Press
from archive.reports import tally
from archive.settings import ArchiveSettings
from chassis.bus import Bus
from chassis.cli import main
from chassis.clock import Clock, day_in_stockholm, system_clock
from chassis.folders import WatchedFolder
from chassis.metrics import Metrics
from chassis.service import Service
from chassis.store import open_store

HISTORY = Path(__file__).parent / "migrations"


def build(settings: ArchiveSettings, bus: Bus, clock: Clock = system_clock) -> Service:
    """The archive files each report with the meeting that it was in time for, and keeps the record."""
    store = open_store(settings.database_url.get_secret_value(), settings.service, clock)
    committees = WatchedFolder(
        [settings.config], lambda folders: load_committees(folders[0], day_in_stockholm(clock()))
    )
    forms = WatchedFolder(
        settings.forms_folders, lambda folders: load_forms(folders, day_in_stockholm(clock()))
    )
    registry = Registry(committees, clock)
    press = Press()
    api = Api(store, registry, committees, forms, press, clock, settings.admin_token)
    return Service(
        name=settings.service,
        settings=settings,
        store=store,
        bus=bus,
        metrics=Metrics(settings.service),
        history=HISTORY,
        clock=clock,
        reads=registry.reads(),
        says=[ReportFiled, ReportHeld, ReportReleased, ReportReturned],
        routes=api.routes(),
        tally=lambda: tally(store),
        background=[committees.watch, forms.watch],
        cleanup=[press.close],
    )


if __name__ == "__main__":
    main(ArchiveSettings, build)
