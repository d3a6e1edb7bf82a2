"""The services' OpenAPI documents, as they serve them, so that one can read them without a service.

`python -m kansli.openapi_documents` tells whether `docs/openapi/` is up to date; `--write` makes it so.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

from kansli.example import write_example
from kansli.house import Plan, build_house
from kansli.places import forms_folders, reference_documents, shipped_example

ANY_DAY = date(2026, 11, 20)
"""The example's calendar begins there; nothing of it stands in a document."""


def documents() -> Mapping[str, str]:
    """The documents by the names of their files, made of a house that is built and never started."""
    with TemporaryDirectory(prefix="kansli-openapi-") as place:
        folder = Path(place)
        config = write_example(shipped_example(), folder, ANY_DAY).config
        services = build_house(Plan(config, folder / "data", forms_folders([])))
        return {f"{service.name}.json": _written(service.document()) for service in services}


def _written(document: Mapping[str, object]) -> str:
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def drift(folder: Path) -> list[str]:
    """The files in the folder that are not what the services serve."""
    expected, there = documents(), {path.name for path in folder.glob("*.json")}
    stale = [
        name
        for name in sorted(expected.keys() & there)
        if (folder / name).read_text("utf-8") != expected[name]
    ]
    return [
        *(f"{name}: is missing" for name in sorted(expected.keys() - there)),
        *(f"{name}: no service serves this" for name in sorted(there - expected.keys())),
        *(f"{name}: differs from what the service serves" for name in stale),
    ]


def write(folder: Path) -> None:
    """Make the folder hold the documents and no others."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.glob("*.json"):
        path.unlink()
    for name, document in documents().items():
        (folder / name).write_text(document, "utf-8")


def main(arguments: Sequence[str] | None = None) -> None:
    """Exit with 1 when the documents are not up to date and are not to be written."""
    parser = argparse.ArgumentParser(prog="python -m kansli.openapi_documents", description=__doc__)
    parser.add_argument("--folder", type=Path, default=reference_documents() / "openapi")
    parser.add_argument("--write", action="store_true", help="make the documents anew")
    options = parser.parse_args(arguments)
    if options.write:
        write(options.folder)
    elif differences := drift(options.folder):
        sys.exit("\n".join([*differences, "Run: python -m kansli.openapi_documents --write"]))


if __name__ == "__main__":
    main()
