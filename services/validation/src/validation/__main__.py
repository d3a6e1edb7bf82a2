"""The validation service: judges submissions by JSON Schema and by the guidelines of the committee."""

from datetime import date
from pathlib import Path

from chassis.admission import Door
from chassis.bus import Bus
from chassis.callers import Callers, load_callers
from chassis.cli import main
from chassis.clock import Clock, day_in_stockholm, system_clock
from chassis.folders import WatchedFolder, each, whole
from chassis.loopback import only_here
from chassis.metrics import Metrics
from chassis.service import Service
from chassis.store import open_store
from validation.api import Api
from validation.events import SubmissionAccepted, SubmissionDocumented, SubmissionRejected
from validation.forms import find_forms, load_form
from validation.handlers import Judge, judged_counter
from validation.history import History
from validation.judgements import tally
from validation.operations import ABOUT, operations
from validation.register import find_committees, load_committee
from validation.settings import ValidationSettings

HISTORY = Path(__file__).parent / "migrations"


def build(settings: ValidationSettings, bus: Bus, clock: Clock = system_clock) -> Service:
    """Validation judges each submission, and names the rule and its source."""
    store = open_store(settings.database_url.get_secret_value(), settings.service, clock)
    metrics = Metrics(settings.service)
    forms = WatchedFolder(settings.forms_folders, each(find_forms, load_form))
    callers = WatchedFolder(
        [settings.config],
        whole(lambda folders: _callers(folders[0], day_in_stockholm(clock()))),
    )
    committees = WatchedFolder(
        [settings.config],
        each(find_committees, lambda path: load_committee(path, day_in_stockholm(clock()))),
    )
    judge = Judge(forms, committees, clock, judged_counter(metrics.registry))
    key = settings.personal_number_key
    api = Api(store, Door(callers), forms, committees, key.get_secret_value() if key else None, clock)
    past = History(store, forms, committees)
    return Service(
        name=settings.service,
        settings=settings,
        store=store,
        bus=bus,
        metrics=metrics,
        history=HISTORY,
        about=ABOUT,
        clock=clock,
        reads=judge.reads(),
        says=[SubmissionAccepted, SubmissionRejected, SubmissionDocumented],
        operations=operations(api, only_here(settings.admin_token)(past.take)),
        tally=lambda: tally(store),
        folders=[forms, committees, callers],
    )


def _callers(folder: Path, today: date) -> Callers:
    """Who may ask for a check; where the folder names no callers, nobody may."""
    if not (folder / "callers.yaml").exists():
        return Callers({}, [])
    return load_callers(folder, today, hand_backs=False)


if __name__ == "__main__":
    main(ValidationSettings, build)
