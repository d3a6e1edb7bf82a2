"""The figures as people read them: tables in `docs/performance.md`, bars in `docs/performance.svg`.

What stands outside the marks is written by hand, and stays as it is.
"""

import statistics
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.chart import Bar, svg
from support.houses import SERVICES

DOCS = Path(__file__).parents[1] / "docs"
BEGIN, END = "<!-- figures: written by make bench -->", "<!-- end of figures -->"
WITHOUT_WORDS = f"# Performance\n\n{BEGIN}\n{END}\n"

Values = Mapping[str, Sequence[float]]

OURS = {
    "road.sqlite": "Kansli, four processes, SQLite",
    "road.postgresql": "Kansli, four processes, PostgreSQL",
    "road.embedded": "Kansli, one process, SQLite",
}
AGAINST = ("peer.FastStream", "peer.aio-pika", "peer.C")


def write_report(results: Mapping[str, Any], docs: Path = DOCS) -> None:
    page, values = docs / "performance.md", results["values"]
    before = page.read_text("utf-8") if page.exists() else WITHOUT_WORDS
    head, _, rest = before.partition(BEGIN)
    tail = rest.partition(END)[2]
    block = "\n\n".join([_machine(results["machine"]), *tables(values)])
    page.write_text(f"{head}{BEGIN}\n\n{block}\n\n{END}{tail}", "utf-8")
    (docs / "performance.svg").write_text(picture(values), "utf-8")


def _machine(machine: Mapping[str, str]) -> str:
    return "Measured on " + "; ".join(f"{name} {value}" for name, value in machine.items()) + "."


def tables(values: Values) -> Iterator[str]:
    yield _table(
        [
            "pipeline",
            "per second",
            "min–max",
            "× FastStream",
            "× aio-pika",
            "of C",
            "CPU µs each",
            "memory MB",
        ],
        [_pipeline_row(values, name, title) for name, title in pipelines(values).items()],
    )
    if budgets := [_budget_row(values, name) for name in pipelines(values) if name.startswith("road.")]:
        yield "CPU of one submission, µs, by process; the servers' share stands beside it:"
        yield _table(["", *SPENDERS], budgets)
    if rows := [_row(values, *line) for line in SINGLE if line[0] in values]:
        yield _table(["", "median", "min–max", "compared"], rows)


def pipelines(values: Values) -> dict[str, str]:
    """All that carry something from end to end, the fastest first: name and title."""
    found = {name.removesuffix(".per_second") for name in values if name.endswith(".per_second")}
    carrying = [name for name in found if name.startswith(("peer.", "road."))]
    return {
        name: _title(name)
        for name in sorted(carrying, key=lambda name: -_median(values, f"{name}.per_second"))
    }


def _title(name: str) -> str:
    kind, _, rest = name.partition(".")
    if kind == "peer":
        return "plain C" if rest == "C" else rest
    way, _, in_flight = name.rpartition(".")
    return f"**{OURS[way]}**, {in_flight} in flight"


def _pipeline_row(values: Values, name: str, title: str) -> list[str]:
    speed = f"{name}.per_second"
    ratios = [_ratio(values, speed, f"{other}.per_second") for other in AGAINST]
    memory = sum(
        statistics.median(found) for key, found in values.items() if key.startswith(f"{name}.memory_mb")
    )
    return [
        title,
        _shown(_median(values, speed)),
        _span(values[speed]),
        *ratios,
        _cpu(values, name),
        f"{memory:.0f}",
    ]


SPENDERS = (*SERVICES, "house", "RabbitMQ", "PostgreSQL")


def _budget_row(values: Values, name: str) -> list[str]:
    spent = [f"{name}.cpu_us.{spender}" for spender in SPENDERS]
    return [_title(name), *(_shown(_median(values, one)) if one in values else "" for one in spent)]


def _cpu(values: Values, name: str) -> str:
    return f"{_median(values, f'{name}.cpu_us'):.0f}"


SINGLE: Sequence[tuple[str, str, str]] = (
    ("intake.plain.per_second", "plain aiohttp, 202 and nothing else, POST/s at 128 connections", ""),
    ("intake.sqlite.per_second", "intake alone, SQLite, POST/s", "intake.plain.per_second"),
    ("intake.postgresql.per_second", "intake alone, PostgreSQL, POST/s", "intake.plain.per_second"),
    *(
        (
            f"judging.kontaktpolitiker-{form}.{count}.us",
            f"judgement, {form}, {count} earlier reports, CPU µs",
            "",
        )
        for form in ("valfard", "social")
        for count in (0, 3, 1000)
    ),
    *(
        (f"latency.{who}.{part}_ms", f"{title}, {part}, ms", f"latency.aio-pika.{part}_ms" if against else "")
        for part in ("p50", "p99")
        for who, title, against in (
            ("aio-pika", "bare aio-pika, four hops, at 5/s", False),
            ("sqlite", "POST to filed at 5/s, SQLite", True),
            ("postgresql", "POST to filed at 5/s, PostgreSQL", True),
            ("sqlite.half", "POST to filed at half load, SQLite", False),
            ("postgresql.half", "POST to filed at half load, PostgreSQL", False),
        )
    ),
    ("report.pdf_ms", "report as PDF over HTTP, ms", ""),
    ("packet.seconds", "packet of 200 frozen, s", ""),
    *(
        (
            f"growth.{way}.{stored}.per_second",
            f"whole road, {title}, {stored} stored before, per second",
            against,
        )
        for way, title in (("sqlite", "SQLite"), ("postgresql", "PostgreSQL"))
        for stored, against in (
            (0, ""),
            *((many, f"growth.{way}.0.per_second") for many in (10_000, 100_000, 1_000_000)),
        )
    ),
    ("backlog.per_second", "backlog drained, submissions/s", ""),
    ("letters.ours.per_second", "letters to a local relay, per second", "letters.each.per_second"),
    ("letters.each.per_second", "the same by a connection each, smtplib, per second", ""),
    *((f"backlog.{name}.mb", f"{name}'s memory while it drains, at most, MB", "") for name in SERVICES),
    *((f"backlog.{name}.rise", f"{name}'s memory, rise while it drains", "") for name in SERVICES),
    *((f"memory.{name}.mb", f"{name}'s memory, MB", "") for name in SERVICES),
    ("memory.house.mb", "memory of `kansli up`, MB", ""),
)
"""What is one figure: its name, what it is called, and what it is compared with."""


def _row(values: Values, name: str, title: str, other: str) -> list[str]:
    compared = f"{_ratio(values, name, other)} ×" if other in values else ""
    return [title, _shown(_median(values, name)), _span(values[name]), compared]


def _median(values: Values, name: str) -> float:
    return statistics.median(values[name])


def _ratio(values: Values, name: str, to: str) -> str:
    return f"{_median(values, name) / _median(values, to):.2f}" if to in values else ""


def _span(found: Sequence[float]) -> str:
    return f"{_shown(min(found))}–{_shown(max(found))}"


def _shown(value: float) -> str:
    """Three figures are as many as a noisy machine gives; thousands are divided by a narrow space."""
    return f"{value:,.0f}".replace(",", "\u202f") if value >= 100 else f"{value:.3g}"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def picture(values: Values) -> str:
    bars = [
        Bar(title.replace("*", ""), _median(values, f"{name}.per_second"), name.startswith("road."))
        for name, title in pipelines(values).items()
    ]
    return svg("Through the whole pipeline, per second", bars)
