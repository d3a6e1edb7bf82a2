"""The intake service: takes submissions, durably and once."""

from pathlib import Path

from pydantic import SecretStr

from chassis.admission import Door
from chassis.bus import Bus
from chassis.callers import load_callers
from chassis.cli import main
from chassis.clock import Clock, day_in_stockholm, system_clock
from chassis.folders import WatchedFolder, each, whole
from chassis.metrics import Metrics
from chassis.objects import Objects
from chassis.sealing import Sealer, keys_in
from chassis.service import Service
from chassis.store import open_store
from intake.api import Api, drift_counter, received_counter
from intake.events import SubmissionReceived, SubmissionsCounted
from intake.forms import find_forms, load_form
from intake.handback import HandBacks, hand_backs_counter
from intake.handlers import Ledger
from intake.inspector import Inspector
from intake.keeping import Keeper
from intake.late_scans import LateScans
from intake.operations import ABOUT, operations
from intake.platform_calls import PlatformCalls
from intake.readings import Reader
from intake.scanning import Scanner, scans_counter
from intake.settings import IntakeSettings
from intake.submissions import sealing_keys, tally
from intake.weekly_counts import WeeklyCounts

HISTORY = Path(__file__).parent / "migrations"


def build(settings: IntakeSettings, bus: Bus, clock: Clock = system_clock) -> Service:
    """Intake takes submissions from platforms, durably and once, and tells what became of them."""
    store = open_store(settings.database_url.get_secret_value(), settings.service, clock)
    metrics = Metrics(settings.service)
    callers = WatchedFolder(
        [settings.config],
        whole(lambda folders: load_callers(folders[0], day_in_stockholm(clock()))),
    )
    forms = WatchedFolder(settings.forms_folders, each(find_forms, load_form))
    calls = PlatformCalls(clock)
    hand_backs = HandBacks(store, callers, calls, hand_backs_counter(metrics.registry))
    inspector = Inspector()
    sealer = Sealer(store, sealing_keys, settings.service, keys_in(_told(settings.sealing_key)))
    keeper = Keeper(store, sealer)
    objects, scans = Objects(settings.objects, settings.objects_key), scans_counter(metrics.registry)
    scanner = Scanner(settings.clamd_socket) if settings.clamd_socket else None
    api = Api(
        store,
        objects,
        inspector,
        scanner,
        Door(callers),
        forms,
        _told(settings.personal_number_key),
        clock,
        received_counter(metrics.registry),
        scans,
        drift_counter(metrics.registry),
        keeper,
    )
    reader = Reader(
        store, keeper, forms, callers, api.submission_of, hand_backs, settings.keep_unreadable_days
    )
    return Service(
        name=settings.service,
        settings=settings,
        store=store,
        bus=bus,
        metrics=metrics,
        history=HISTORY,
        about=ABOUT,
        clock=clock,
        reads=Ledger(hand_backs).reads(),
        says=[SubmissionReceived, SubmissionsCounted],
        errands=[*hand_backs.errands(), reader.kind, LateScans(objects, scanner, scans).kind],
        operations=operations(api),
        tally=lambda: tally(store),
        objects=objects.folder,
        folders=[callers, forms],
        cleanup=[calls.close, inspector.close],
        background=[reader.reread, reader.expire, WeeklyCounts(store, forms).run],
    )


def _told(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret else None


if __name__ == "__main__":
    main(IntakeSettings, build)
