"""The archive service: files reports with the agenda of the next meeting and keeps the record."""

from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web
from pydantic import SecretStr

from archive import letters
from archive.access import Access
from archive.api import Api
from archive.committees import find_committees, load_committee
from archive.disposal import Removal
from archive.disposal_api import DisposalApi
from archive.events import SAID
from archive.figures_api import FiguresApi
from archive.forms import find_forms, load_form
from archive.gauges import Waiting, report_gauges
from archive.handlers import Registry
from archive.operations import ABOUT, operations
from archive.packets.freezing import Freezing
from archive.packets_api import PacketsApi
from archive.pdf import Press
from archive.refiling import Refiling
from archive.reports import sealing_keys, tally
from archive.review import Review
from archive.review_api import ReviewApi
from archive.settings import ArchiveSettings
from archive.sign_in.sessions import Sessions
from archive.web.desks import Desks, desks_in, tokens_in
from archive.web.doing import Doing
from archive.web.pages import STATIC
from archive.web.showing import Showing
from chassis.bus import Bus
from chassis.cli import main
from chassis.clock import Clock, day_in_stockholm, system_clock
from chassis.folders import WatchedFolder, each
from chassis.metrics import Metrics
from chassis.objects import Objects
from chassis.sealing import Sealer, keys_in
from chassis.service import Service
from chassis.store import Store, open_store

if TYPE_CHECKING:
    from archive.sign_in.routes import SignIn

HISTORY = Path(__file__).parent / "migrations"


def build(settings: ArchiveSettings, bus: Bus, clock: Clock = system_clock) -> Service:
    """The archive files each report with the meeting that it was in time for, and keeps the record."""
    store = open_store(settings.database_url.get_secret_value(), settings.service, clock)
    committees = WatchedFolder(
        [settings.config],
        each(find_committees, lambda path: load_committee(path, day_in_stockholm(clock()))),
    )
    forms = WatchedFolder(
        settings.forms_folders, each(find_forms, lambda path: load_form(path, day_in_stockholm(clock())))
    )
    metrics = Metrics(settings.service)
    waiting = Waiting(store, committees, clock, *report_gauges(metrics.registry))
    registry = Registry(committees, forms, clock)
    press = Press()
    refiling = Refiling(store, registry)
    sealer = Sealer(store, sealing_keys, settings.service, keys_in(_told(settings.sealing_key)))
    objects = Objects(settings.objects, settings.objects_key)
    sign_in = _sign_in(settings, store, clock)
    access = Access(settings.admin_token, sign_in)
    api = Api(store, committees, forms, press, objects, clock, access)
    freezing = Freezing(store, objects, press, forms, clock, refiling.look)
    packets_api = PacketsApi(api, freezing, objects)
    review = Review(registry, forms)
    review_api = ReviewApi(api, review, sealer)
    figures_api = FiguresApi(api)
    desks = Desks(desks_in(settings.desks), tokens_in(settings.desks_tokens))
    showing = Showing(api, figures_api, desks)
    doing = Doing(showing, review, freezing, sealer)
    return Service(
        name=settings.service,
        settings=settings,
        store=store,
        bus=bus,
        metrics=metrics,
        history=HISTORY,
        clock=clock,
        reads=[*registry.reads(), *letters.reads()],
        says=SAID,
        about=ABOUT,
        operations=operations(api, review_api, packets_api, DisposalApi(api), figures_api),
        routes=[
            web.static("/static", STATIC),
            *(sign_in.routes(access) if sign_in else ()),
            *showing.routes(),
            *doing.routes(),
        ],
        errands=[Removal(objects).kind],
        tally=lambda: tally(store),
        objects=objects.folder,
        folders=[committees, forms],
        background=[refiling.run, waiting.run, *([sign_in.run] if sign_in else ())],
        cleanup=[press.close, *([sign_in.provider.close] if sign_in else ())],
    )


def _sign_in(settings: ArchiveSettings, store: Store, clock: Clock) -> "SignIn | None":
    """Sign-in, where an identity provider is named; elsewhere its libraries would take 10 MB for nothing."""
    if settings.client is None:
        return None
    from archive.sign_in.provider import Provider  # noqa: PLC0415
    from archive.sign_in.routes import SignIn  # noqa: PLC0415

    return SignIn(Provider(settings.client, clock), Sessions(store, settings.grants, settings.lifetime))


def _told(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret else None


if __name__ == "__main__":
    main(ArchiveSettings, build)
