"""The services' OpenAPI documents, as they serve them, so that one can read them without a service.

`python -m kansli.openapi_documents` tells whether `docs/openapi/` is up to date; `--write` makes it so.
"""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

from chassis.service import Service
from kansli.example import write_example
from kansli.house import Plan, build_house
from kansli.made_of_code import Made, as_json
from kansli.places import forms_folders, reference_documents, shipped_example

ANY_DAY = date(2026, 11, 20)
"""The example's calendar begins there; nothing of it stands in a document."""


def documents() -> Mapping[str, str]:
    """The documents by the names of their files, made of a house that is built and never started."""
    with TemporaryDirectory(prefix="kansli-openapi-") as place:
        services = example_services(Path(place))
        return {f"{name}.json": as_json(service.document()) for name, service in services.items()}


def example_services(folder: Path) -> Mapping[str, Service]:
    """The four, built for the example municipality and not started."""
    config = write_example(shipped_example(), folder, ANY_DAY).config
    services = build_house(Plan(config, folder / "data", forms_folders([])))
    return {service.name: service for service in services}


MADE = Made(
    "kansli.openapi_documents",
    __doc__,
    reference_documents() / "openapi",
    documents,
    "what the service serves",
    alone=True,
)


if __name__ == "__main__":
    MADE.main()
