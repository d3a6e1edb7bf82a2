"""The commands of the house; `kansli --help` names them."""

import argparse
import asyncio
import hashlib
import json
import secrets
import sys
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

from chassis.folders import BrokenFolder
from chassis.settings import SettingsError
from chassis.store import StoreLocked
from kansli import check, up
from kansli.example import KEY
from kansli.imports import add_import
from kansli.operators import SERVICES, NoAnswer, Operator, add_admin
from kansli.platform import NotTaken, Platform, content_type_of
from kansli.secrets_folder import add_secrets
from kansli.spreadsheets import BadTable
from kansli.tables import table
from kansli.tally import shown, take_tally

WAIT_S = 30.0


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command; its exit code is 0 when all is well, 1 when something is not."""
    options = _parser().parse_args(arguments)
    try:
        sys.exit(options.run(options))
    except BadTable as bad:
        sys.exit(str(bad))
    except (BrokenFolder, SettingsError, StoreLocked, NoAnswer, NotTaken, OSError) as error:
        sys.exit(f"{type(error).__name__}: {error}")


def _up(options: argparse.Namespace) -> int:
    up.run(options.config, options.data, options.forms, options.example)
    return 0


def _check(options: argparse.Namespace) -> int:
    return check.run(options.config, options.forms)


def _submit(options: argparse.Namespace) -> int:
    if options.check:
        return asyncio.run(_check_all(Platform(options.check_at.rstrip("/"), options.key), options.files))
    return asyncio.run(
        _submit_all(Platform(options.to.rstrip("/"), options.key), options.files, options.wait)
    )


async def _check_all(platform: Platform, files: Sequence[Path]) -> int:
    """Print what each would become; 1 when one would be rejected."""
    outcomes = set()
    for file in files:
        told = await platform.check(await asyncio.to_thread(file.read_bytes))
        outcomes.add(told["outcome"])
        print(json.dumps(told, ensure_ascii=False, indent=2))
    return 1 if "rejected" in outcomes else 0


async def _submit_all(platform: Platform, files: Sequence[Path], wait: bool) -> int:
    for file in files:
        body = await asyncio.to_thread(file.read_bytes)
        receipt = await platform.send(body, content_type_of(file.name, body))
        told = await platform.outcome(receipt["id"], WAIT_S) if wait else receipt
        print(json.dumps(told, ensure_ascii=False, indent=2))
    return 0


def _tally(options: argparse.Namespace) -> int:
    tally = asyncio.run(take_tally(_operator(options)))
    print(shown(tally))
    return 0 if tally.adds_up else 1


def _parked(options: argparse.Namespace) -> int:
    return asyncio.run(_PARKED[options.action](_operator(options), options))


async def _parked_list(operator: Operator, options: argparse.Namespace) -> int:
    rows = []
    for service in [options.service] if options.service else SERVICES:
        told = await operator.ask(service, "/admin/parked")
        rows += [
            [
                service,
                item["id"],
                item["origin"],
                item.get("form", ""),
                item.get("caller", ""),
                item["attempts"],
                item["parked_at"],
                item["reason"],
            ]
            for item in told["parked"]
        ]
    print(table(["service", "id", "queue", "form", "caller", "attempts", "parked at", "reason"], rows))
    return 0


async def _parked_show(operator: Operator, options: argparse.Namespace) -> int:
    _service, item = await _find(operator, options)
    print(json.dumps(item, ensure_ascii=False, indent=2))
    return 0


async def _parked_replay(operator: Operator, options: argparse.Namespace) -> int:
    return await _decide(operator, options, "replay", {"by": options.by})


async def _parked_drop(operator: Operator, options: argparse.Namespace) -> int:
    return await _decide(operator, options, "drop", {"by": options.by, "note": options.note})


async def _decide(
    operator: Operator, options: argparse.Namespace, action: str, content: dict[str, Any]
) -> int:
    service, item = await _find(operator, options)
    if options.dry_run:
        print(f"would {action} {item['id']} of {service} ({item['origin']}: {item['reason']})")
        return 0
    print(json.dumps(await operator.tell(service, f"/admin/parked/{item['id']}/{action}", content)))
    return 0


async def _find(operator: Operator, options: argparse.Namespace) -> tuple[str, dict[str, Any]]:
    """The item, on whichever service's desk it lies."""
    for service in [options.service] if options.service else SERVICES:
        try:
            return service, await operator.ask(service, f"/admin/parked/{options.id}")
        except NoAnswer:
            continue
    raise NoAnswer(f"no parked item {options.id}")


_PARKED: dict[str, Callable[[Operator, argparse.Namespace], Coroutine[Any, Any, int]]] = {
    "list": _parked_list,
    "show": _parked_show,
    "replay": _parked_replay,
    "drop": _parked_drop,
}


def _key(_options: argparse.Namespace) -> int:
    key = secrets.token_urlsafe(32)
    print(f"key         {key}")
    print(f"key_sha256  {hashlib.sha256(key.encode()).hexdigest()}")
    return 0


def _operator(options: argparse.Namespace) -> Operator:
    return Operator(dict(options.admin))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="kansli", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_up(commands)
    _add_check(commands)
    _add_submit(commands)
    tally = commands.add_parser("tally", help="count what was received against what became of it")
    add_admin(tally)
    tally.set_defaults(run=_tally)
    _add_parked(commands)
    add_import(commands)
    key = commands.add_parser("key", help="make a caller's key, and its hash for callers.yaml")
    key.set_defaults(run=_key)
    add_secrets(commands)
    return parser


def _add_up(commands: Any) -> None:
    parser = commands.add_parser("up", help="run all four services in one process")
    parser.add_argument(
        "--config", type=Path, help="folder with callers.yaml and committees/ (default: config)"
    )
    parser.add_argument(
        "--data", type=Path, default=Path("var"), help="folder for all that the house keeps (default: var)"
    )
    parser.add_argument(
        "--forms", type=Path, action="append", default=[], help="a folder of more forms; may be repeated"
    )
    parser.add_argument(
        "--example", action="store_true", help="use the example municipality and send its samples"
    )
    parser.set_defaults(run=_up)


def _add_check(commands: Any) -> None:
    parser = commands.add_parser("check", help="look through configuration and forms")
    parser.add_argument(
        "--config", type=Path, help="folder with callers.yaml and committees/ (default: the example)"
    )
    parser.add_argument(
        "--forms", type=Path, action="append", default=[], help="a folder of more forms; may be repeated"
    )
    parser.set_defaults(run=_check)


def _add_submit(commands: Any) -> None:
    parser = commands.add_parser("submit", help="send submissions as a platform would")
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--to", default="http://127.0.0.1:8081", help="intake's address")
    parser.add_argument("--key", default=KEY, help="the platform's key (default: the example's)")
    parser.add_argument("--wait", action="store_true", help="print what became of each")
    parser.add_argument("--check", action="store_true", help="only print what each would become")
    parser.add_argument("--check-at", default="http://127.0.0.1:8082", help="validation's address")
    parser.set_defaults(run=_submit)


def _add_parked(commands: Any) -> None:
    parser = commands.add_parser("parked", help="the desk of what could not be handled")
    actions = parser.add_subparsers(required=True, dest="action", metavar="ACTION")
    for name in _PARKED:
        action = actions.add_parser(name)
        action.add_argument("--service", choices=SERVICES)
        add_admin(action)
        if name != "list":
            action.add_argument("id")
        if name in {"replay", "drop"}:
            action.add_argument("--by", default="operator", help="who decides")
            action.add_argument("--dry-run", action="store_true")
        if name == "drop":
            action.add_argument("--note", required=True, help="why it is settled without being handled")
    parser.set_defaults(run=_parked)
