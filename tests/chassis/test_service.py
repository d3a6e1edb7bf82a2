import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from pydantic import SecretStr

from chassis.bus import Message, Unconfirmed
from chassis.bus.memory import MemoryBus
from chassis.consumer import Subscription
from chassis.errands import Conclude, Errand, ErrandKind
from chassis.events import encode, new_id
from chassis.metrics import Metrics
from chassis.parking import ParkedErrand, park_errand
from chassis.service import NotMigrated, Service, run_until_signal
from chassis.store import StoreLocked, StoreUnavailable, Transaction, open_store
from support.ports import free_port
from support.toy_house import HISTORY, Answerer, AnswererSettings, Asked, Deed, column, effects

QUEUE = "answerer.toy.asked"


async def fail(_request: web.Request) -> web.Response:
    raise StoreUnavailable


def service(folder: Path, bus: MemoryBus, **settings: Any) -> Service:
    facts = {"database_url": f"sqlite:///{folder}/toy.db", "listen": f"127.0.0.1:{free_port()}"}
    loaded = AnswererSettings.load(**facts | settings)
    return Service(
        "answerer",
        loaded,
        open_store(loaded.database_url.get_secret_value(), "answerer"),
        bus,
        Metrics("answerer"),
        HISTORY,
        reads=[Subscription(Asked, Answerer(folder / "attempts.log").handle)],
        routes=[web.get("/unavailable", fail)],
    )


@asynccontextmanager
async def client_of(running: Service, **headers: str) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(f"http://{running.settings.listen}", headers=headers) as client:
        yield client


def rejected(*numbers: int) -> list[bytes]:
    now = datetime.now(UTC)
    return [
        encode(Asked(submission_id=f"s-{n}", deed=Deed.REJECT), new_id(), "/kansli/asker", now, "")
        for n in numbers
    ]


async def bring(bus: MemoryBus, bodies: Sequence[bytes]) -> None:
    for body in bodies:
        bus.queues[QUEUE].append(Message(body))
    await bus.deliver()


async def test_a_service_starts_serves_and_stops(tmp_path: Path) -> None:
    """Alive, ready, with a version and metrics; and a second start finds all as it was."""
    for _ in range(2):
        one = service(tmp_path, MemoryBus())
        async with one.running(), client_of(one) as client:
            assert await (await client.get("/livez")).json() == {"status": "alive"}
            ready = await client.get("/readyz")
            assert (ready.status, (await ready.json())["bus"]) == (200, "ok")
            assert (await (await client.get("/version")).json())["service"] == "answerer"
            assert "kansli_build_info" in await (await client.get("/metrics")).text()


async def test_a_broker_that_is_away_does_not_make_the_service_unready(tmp_path: Path) -> None:
    """It is told, and submissions are taken all the same."""
    bus = MemoryBus()
    bus.failing_with = Unconfirmed("away")
    one = service(tmp_path, bus)
    async with one.running(), client_of(one) as client:
        ready = await client.get("/readyz")
        assert (ready.status, (await ready.json())["bus"]) == (200, "unconfirmed")
        assert "kansli_bus_up 0.0" in await (await client.get("/metrics")).text()
        bus.failing_with = None
        assert "kansli_bus_up 1.0" in await (await client.get("/metrics")).text()


async def test_a_database_that_does_not_answer_makes_it_unready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether it refuses or hangs; and the service goes on living."""
    one = service(tmp_path, MemoryBus())
    async with one.running(), client_of(one) as client:

        async def refuse() -> None:
            raise StoreUnavailable

        monkeypatch.setattr("chassis.health.PING_TIMEOUT_S", 0.01)
        for ping in (refuse, asyncio.Event().wait):
            monkeypatch.setattr(one.store, "ping", ping)
            ready = await client.get("/readyz")
            assert ready.status == 503
            assert "store" in (await ready.json())["troubles"]
        assert (await client.get("/livez")).status == 200


async def test_a_stopping_service_says_so_first(tmp_path: Path) -> None:
    """Whoever balances load must hear of it before the door is closed."""
    one = service(tmp_path, MemoryBus())
    async with one.running():
        one.health.drain()
        assert await one.health.troubles() == {"service": "stopping"}


async def test_what_is_unavailable_is_told_with_when_to_come_again(tmp_path: Path) -> None:
    """503 with Retry-After, as problem+json."""
    one = service(tmp_path, MemoryBus())
    async with one.running(), client_of(one) as client:
        answer = await client.get("/unavailable")
    assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
    assert answer.content_type == "application/problem+json"


async def test_a_second_process_on_the_same_file_does_not_start(tmp_path: Path) -> None:
    """And leaves the first as it was."""
    first, second = service(tmp_path, MemoryBus()), service(tmp_path, MemoryBus())
    async with first.running(), client_of(first) as client:
        with pytest.raises(StoreLocked):
            await second.running().__aenter__()
        assert (await client.get("/readyz")).status == 200


async def test_without_migrating_an_old_database_is_refused_and_a_new_one_taken(tmp_path: Path) -> None:
    """Where a separate job migrates, a service that came too early says so."""
    early = service(tmp_path, MemoryBus(), migrate_at_start=False)
    with pytest.raises(NotMigrated, match="python -m answerer migrate"):
        await early.running().__aenter__()
    async with service(tmp_path, MemoryBus()).running():
        pass
    async with service(tmp_path, MemoryBus(), migrate_at_start=False).running():
        pass


async def test_a_port_that_is_taken_stops_the_start_in_good_order(tmp_path: Path) -> None:
    """Nothing is left open behind it."""
    first = service(tmp_path, MemoryBus())
    (tmp_path / "other").mkdir()
    async with first.running():
        other = service(tmp_path / "other", MemoryBus(), listen=first.settings.listen)
        with pytest.raises(OSError, match="address"):
            await other.running().__aenter__()
    async with service(tmp_path / "other", MemoryBus()).running():
        pass


async def test_a_duty_that_fails_or_ends_is_begun_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And other duties notice nothing."""
    monkeypatch.setattr("chassis.service.DUTY_PAUSE_S", 0.001)
    one, begun, often = service(tmp_path, MemoryBus()), 0, asyncio.Event()

    async def duty() -> None:
        nonlocal begun
        begun += 1
        if begun > 4:
            often.set()
        if begun % 2:
            raise ValueError

    one.background = [duty]
    async with asyncio.timeout(5), one.running():
        await often.wait()


async def test_an_event_goes_from_the_bus_to_the_tables(tmp_path: Path) -> None:
    """With nothing between but the chassis."""
    bus = MemoryBus()
    one = service(tmp_path, bus)
    async with one.running():
        await bring(bus, [body.replace(b'"reject"', b'"answer"') for body in rejected(1)])
        assert await column(one.store, effects) == ["s-1"]


async def test_an_operator_lists_shows_replays_and_drops(tmp_path: Path) -> None:
    """Each with an answer that tells what became of it; decided once."""
    bus = MemoryBus()
    one = service(tmp_path, bus)
    async with one.running(), client_of(one) as operator:
        await bring(bus, rejected(1, 2))
        first, second = (await (await operator.get("/admin/parked")).json())["parked"]
        shown = await (await operator.get(f"/admin/parked/{first['id']}")).json()
        assert (shown["reason"], '"deed":"reject"' in shown["body"]) == ("never", True)
        replayed = await operator.post(f"/admin/parked/{first['id']}/replay", json={"by": "me"})
        assert (await replayed.json())["queue"] == QUEUE
        again = await operator.post(f"/admin/parked/{first['id']}/replay", json={})
        assert again.status == 404
        dropped = await operator.post(f"/admin/parked/{second['id']}/drop", json={"note": "a test"})
        assert (await dropped.json())["state"] == "dropped"
        kept = (await (await operator.get("/admin/parked?state=dropped")).json())["parked"]
        assert [(item["id"], item["note"]) for item in kept] == [(second["id"], "a test")]


@pytest.mark.parametrize("body", [b"", b"not JSON", b"[]", b'"text"'])
async def test_a_request_that_is_no_object_is_refused(tmp_path: Path, body: bytes) -> None:
    """With 400, and not as a fault of ours."""
    one = service(tmp_path, MemoryBus())
    async with one.running(), client_of(one, **{"Content-Type": "application/json"}) as operator:
        for deed in ("replay", "drop"):
            assert (await operator.post(f"/admin/parked/x/{deed}", data=body)).status == 400


async def test_dropping_needs_a_note(tmp_path: Path) -> None:
    """Who drops something says why."""
    one = service(tmp_path, MemoryBus())
    async with one.running(), client_of(one) as operator:
        for note in ({}, {"note": " "}, {"note": 7}):
            assert (await operator.post("/admin/parked/x/drop", json=note)).status == 422


async def test_who_decides_is_told_in_words(tmp_path: Path) -> None:
    """What is no text, or could not be stored, is refused instead of written down as something else."""
    one = service(tmp_path, MemoryBus())
    async with one.running(), client_of(one) as operator:
        for by in (7, None, ["me"], "me\0", "m" * 2001):
            assert (await operator.post("/admin/parked/x/replay", json={"by": by})).status == 422


async def test_a_state_that_there_is_not_is_refused(tmp_path: Path) -> None:
    """An empty list would say that nothing is there."""
    one = service(tmp_path, MemoryBus())
    async with one.running(), client_of(one) as operator:
        refused = await operator.get("/admin/parked?state=droped")
        assert (refused.status, (await refused.json())["title"]) == (422, "Läget finns inte")


async def test_the_tally_tells_what_is_parked_and_what_waits(tmp_path: Path) -> None:
    """Counted from the tables."""
    bus = MemoryBus()
    one = service(tmp_path, bus)
    async with one.running(), client_of(one) as operator:
        await bring(bus, rejected(1, 2))
        tally = await (await operator.get("/admin/tally")).json()
    assert tally["parked"] == [{"origin": QUEUE, "form": "toy", "count": 2}]


async def test_with_a_token_only_its_holder_is_let_in(tmp_path: Path) -> None:
    """Also on loopback."""
    one = service(tmp_path, MemoryBus(), admin_token=SecretStr("a secret"))
    async with one.running(), client_of(one) as anyone:
        assert (await anyone.get("/admin/parked")).status == 403
        holder = {"Authorization": "Bearer a secret"}
        assert (await anyone.get("/admin/parked", headers=holder)).status == 200


async def test_who_may_only_look_sees_the_list_and_nothing_else(tmp_path: Path) -> None:
    """What people wrote, counts and decisions are for operators; their token opens the list as well."""
    tokens = {"admin_token": SecretStr("a secret"), "look_token": SecretStr("a look")}
    one = service(tmp_path, MemoryBus(), **tokens)
    async with one.running(), client_of(one) as caller:
        looker = {"Authorization": "Bearer a look"}
        assert (await caller.get("/admin/parked", headers=looker)).status == 200
        assert (await caller.get("/admin/parked", headers={"Authorization": "Bearer a secret"})).status == 200
        for path in ("/admin/parked/x", "/admin/tally"):
            assert (await caller.get(path, headers=looker)).status == 403
        for deed in ("replay", "drop"):
            path, said = f"/admin/parked/x/{deed}", {"by": "me", "note": "x"}
            assert (await caller.post(path, json=said, headers=looker)).status == 403


async def test_without_a_token_nobody_comes_in_through_a_proxy(tmp_path: Path) -> None:
    """Nor by a page that made a name point here, nor by a form."""
    one = service(tmp_path, MemoryBus())
    async with one.running(), client_of(one) as caller:
        for headers in ({"X-Forwarded-For": "127.0.0.1"}, {"Host": "evil.example"}, {"Via": "1.1 proxy"}):
            assert (await caller.get("/admin/parked", headers=headers)).status == 403
        assert (await caller.post("/admin/parked/x/replay", data={"by": "me"})).status == 415


async def test_a_kind_of_errand_says_how_its_items_are_shown_and_let_fall(tmp_path: Path) -> None:
    """Its payload may only name what it is about; who waits for its end is told in the same transaction."""

    async def perform(_errand: Errand) -> Conclude:
        raise NotImplementedError

    async def show(key: str) -> str:
        return f"what {key} is about"

    async def let_fall(tx: Transaction, key: str) -> None:
        await tx.execute(effects.insert().values(submission_id=key, at=tx.clock()))

    one = service(tmp_path, MemoryBus())
    one.errands = [ErrandKind("letter", perform, timedelta(minutes=1), show=show, let_fall=let_fall)]
    async with one.running(), client_of(one) as operator:
        errand = ParkedErrand("letter", "k-1", {"caller": "prov"}, "not today")
        parked_id = await one.store.write(lambda tx: park_errand(tx, errand))
        shown = await (await operator.get(f"/admin/parked/{parked_id}")).json()
        assert (shown["body"], shown["caller"]) == ("what k-1 is about", "prov")
        dropped = await operator.post(f"/admin/parked/{parked_id}/drop", json={"note": "a test"})
        assert (dropped.status, await column(one.store, effects)) == (200, ["k-1"])


async def test_a_service_is_ready_for_systemd_when_it_serves_and_stops_when_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """READY=1 comes when /readyz answers; STOPPING=1 before anything is taken down."""
    one = service(tmp_path, MemoryBus())
    with TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(f"{folder}/notify")
        monkeypatch.setenv("NOTIFY_SOCKET", f"{folder}/notify")
        running = asyncio.create_task(run_until_signal(one))
        assert await asyncio.to_thread(systemd.recv, 100) == b"READY=1"
        async with client_of(one) as client:
            assert (await client.get("/readyz")).status == 200
        os.kill(os.getpid(), signal.SIGTERM)
        await running
        assert systemd.recv(100) == b"STOPPING=1"
