"""The events' schemas: generated from the models that speak, so that they cannot say anything else.

`python -m kansli.event_schemas` tells whether `schemas/events/` is up to date; `--write` makes it so.
What is said is closed: a field that stands in no schema is a fault of the producer. Readers are
tolerant: they take what they use and pass over the rest.
"""

import importlib
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from chassis.events import Event
from kansli.made_of_code import Made, as_json
from kansli.operators import SERVICES
from kansli.places import shipped_events

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"


class _Closed(GenerateJsonSchema):
    """Objects have the fields of their models and no others; names need no titles."""

    def model_schema(self, schema: Any) -> Schema:
        made = super().model_schema(schema)
        made.pop("title", None)
        return made | {"additionalProperties": False}

    def field_title_should_be_set(self, schema: Any) -> bool:
        del schema
        return False


def said() -> Iterator[tuple[str, type[Event]]]:
    """Each event that some service must hear, in the version that is said, with the service that says it."""
    for service in SERVICES:
        found = vars(importlib.import_module(f"{service}.events")).values()
        models = [model for model in found if isinstance(model, type) and issubclass(model, Event)]
        formers = {model.former for model in models}
        yield from ((service, model) for model in models if model.heard_by and model not in formers)


def agreed() -> Iterator[tuple[str, type[Event]]]:
    """What is said, and its former versions, which queues, outboxes and older services still hold."""
    for service, model in said():
        yield from ((service, version) for version in model.versions())


def schemas() -> Mapping[str, Schema]:
    """The schemas by the names of their files."""
    return {file_name(model): schema_of(service, model) for service, model in agreed()}


def schema_of(producer: str, model: type[Event]) -> Schema:
    """The event as it travels: CloudEvents 1.0.2 in JSON, whose attributes others may add to."""
    data = model.model_json_schema(mode="serialization", schema_generator=_Closed)
    definitions = data.pop("$defs", {})
    about = {"description": data.pop("description")} if "description" in data else {}
    return {
        "$schema": DIALECT,
        "$id": f"urn:kansli:event:{model.type()}",
        "title": model.type(),
        **about,
        "x-producer": producer,
        "x-heard-by": list(model.heard_by),
        "type": "object",
        "required": ["specversion", "id", "source", "type", "subject", "time", "data"],
        "properties": _ATTRIBUTES
        | {"source": {"const": f"/kansli/{producer}"}, "type": {"const": model.type()}, "data": data},
        **({"$defs": definitions} if definitions else {}),
    }


_ATTRIBUTES: Schema = {
    "specversion": {"const": "1.0"},
    "id": {"type": "string", "minLength": 1, "maxLength": 200},
    "time": {"type": "string", "format": "date-time"},
    "subject": {"type": "string", "description": "The submission's id."},
    "datacontenttype": {"const": "application/json"},
    "traceparent": {"type": "string", "description": "W3C Trace Context."},
}


def file_name(model: type[Event]) -> str:
    return f"{model.kind}.v{model.schema_version}.json"


MADE = Made(
    "kansli.event_schemas",
    __doc__,
    shipped_events(),
    lambda: {name: as_json(schema) for name, schema in schemas().items()},
    "what the service says",
    alone=True,
)


if __name__ == "__main__":
    MADE.main()
