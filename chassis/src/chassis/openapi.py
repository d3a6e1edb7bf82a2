"""What a service answers over HTTP, in one table: it registers the handlers, and is the OpenAPI document.

A document written beside the code says what somebody once meant; one made of the table that the
router is filled from says what is served. Schemas are JSON Schema 2020-12, the dialect of OpenAPI 3.1.
"""

import html
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from pydantic_core import to_json

from chassis.loopback import Handler
from chassis.problems import PROBLEM_JSON

Schema = Mapping[str, Any]

JSON = "application/json"

TEXT: Schema = {"type": "string"}
COUNT: Schema = {"type": "integer", "minimum": 0}

PROBLEM: Schema = {
    "title": "Problem",
    "description": "What was wrong and what to do, in plain Swedish (RFC 9457); nothing that was sent.",
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "detail"],
                "properties": {
                    "pointer": {"type": "string", "description": "A JSON Pointer (RFC 6901)."},
                    "detail": {"type": "string"},
                },
            },
        },
    },
}


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One status that an operation may answer with."""

    description: str
    content: Mapping[str, Schema] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    """Names, and what each tells."""
    links: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Operation ids that can be asked next, and where in this answer each of their parameters stands."""


@dataclass(frozen=True, kw_only=True)
class Parameter:
    name: str
    place: str
    """`query`, `path` or `header`."""
    description: str
    schema: Schema
    required: bool = False


@dataclass(frozen=True)
class Key:
    """A way to say who asks; `scheme` describes it (OpenAPI 3.1 § 4.8.27)."""

    name: str
    scheme: Schema


CALLER_KEYS = (
    Key("key", {"type": "http", "scheme": "bearer", "description": "The caller's key."}),
    Key("basic", {"type": "http", "scheme": "basic", "description": "The key as password; any user name."}),
)
ADMIN_TOKEN = Key(
    "token",
    {
        "type": "http",
        "scheme": "bearer",
        "description": "The operators' token; where none is set, nobody but who asks on the machine itself.",
    },
)


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One thing that can be asked of a service, and who answers."""

    method: str
    path: str
    handler: Handler
    id: str
    summary: str
    answers: Mapping[int, Answer]
    description: str = ""
    parameters: Sequence[Parameter] = ()
    bodies: Mapping[str, Schema] = field(default_factory=dict)
    keys: Sequence[Key] = ()
    """Any one of them will do."""
    keyless_here: bool = False
    """Without a key too, for who asks on the machine itself, where the settings leave it open there."""

    @property
    def route(self) -> web.RouteDef:
        return web.route(self.method, self.path, self.handler)


def problems(*statuses: int, **headers: str) -> dict[int, Answer]:
    """The answers of an operation that are problems; `headers` go with each of them."""
    told = {name.replace("_", "-"): words for name, words in headers.items()}
    return {
        status: Answer(
            description=_PROBLEMS[status],
            content={PROBLEM_JSON: {"$ref": "#/components/schemas/Problem"}},
            headers=told,
        )
        for status in statuses
    }


_PROBLEMS = {
    400: "The body could not be understood.",
    401: "The key is missing or wrong.",
    403: "Not for who asks.",
    404: "There is no such thing, or not for who asks.",
    408: "The body did not come in time.",
    409: "Something has changed, or the same is under way.",
    410: "Removed by decision.",
    413: "Over a limit of size.",
    415: "A content type or encoding that is not taken.",
    422: "Understood, but not complete or not right.",
    429: "Too many in a short time.",
    500: "A fault of ours.",
    503: "Cannot be done now.",
}


def document(title: str, description: str, version: str, operations: Sequence[Operation]) -> dict[str, Any]:
    """The OpenAPI 3.1 document of the operations; `$defs` of their schemas become components."""
    components: dict[str, Any] = {"Problem": PROBLEM}
    schemes = {key.name: key.scheme for operation in operations for key in operation.keys}
    paths: dict[str, Any] = {}
    for operation in operations:
        described = _hoisted(_described(operation), components)
        paths.setdefault(operation.path, {})[operation.method.lower()] = described
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "description": description, "version": version},
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": schemes},
    }


def _described(operation: Operation) -> dict[str, Any]:
    told: dict[str, Any] = {
        "operationId": operation.id,
        "summary": operation.summary,
        "responses": {str(status): _answer(answer) for status, answer in operation.answers.items()},
        "security": _security(operation),
    }
    if operation.description:
        told["description"] = operation.description
    if operation.parameters:
        told["parameters"] = [_parameter(parameter) for parameter in operation.parameters]
    if operation.bodies:
        told["requestBody"] = {"required": True, "content": _content(operation.bodies)}
    return told


def _security(operation: Operation) -> list[dict[str, list[str]]]:
    """The alternatives; an empty one says that nothing is needed."""
    keys: list[dict[str, list[str]]] = [{key.name: []} for key in operation.keys]
    return [*keys, {}] if operation.keyless_here else keys


def _answer(answer: Answer) -> dict[str, Any]:
    told: dict[str, Any] = {"description": answer.description}
    if answer.content:
        told["content"] = _content(answer.content)
    if answer.headers:
        told["headers"] = {
            name: {"description": words, "schema": {"type": "string"}}
            for name, words in answer.headers.items()
        }
    if answer.links:
        told["links"] = {
            operation: {"operationId": operation, "parameters": parameters}
            for operation, parameters in answer.links.items()
        }
    return told


def _content(schemas: Mapping[str, Schema]) -> dict[str, Any]:
    return {media_type: {"schema": schema} for media_type, schema in schemas.items()}


def _parameter(parameter: Parameter) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "in": parameter.place,
        "description": parameter.description,
        "required": parameter.required or parameter.place == "path",
        "schema": parameter.schema,
    }


def _hoisted(part: Any, components: dict[str, Any]) -> Any:
    """The part with every `$defs` in it moved to the components, where its references point."""
    if isinstance(part, Mapping):
        for name, schema in part.get("$defs", {}).items():
            components[name] = _hoisted(schema, components)
        return {key: _hoisted(value, components) for key, value in part.items() if key != "$defs"}
    return [_hoisted(item, components) for item in part] if isinstance(part, list) else part


def object_of(required: Mapping[str, Schema], **optional: Schema) -> Schema:
    return {"type": "object", "required": list(required), "properties": {**required, **optional}}


def list_of(schema: Schema) -> Schema:
    return {"type": "array", "items": schema}


def json_answer(description: str, schema: Schema) -> Answer:
    return Answer(description=description, content={JSON: schema})


def schema_of(model: Any, mode: str = "validation") -> Schema:
    """The schema of a pydantic model, with references as a document has them."""
    schema: Schema = model.model_json_schema(ref_template="#/components/schemas/{model}", mode=mode)
    return schema


def document_routes(told: Mapping[str, Any]) -> list[web.RouteDef]:
    """`/openapi.json`, and `/docs`: the same for people, without scripts or anything from elsewhere."""
    content, page = to_json(told), _page(told).encode()

    async def machine(_request: web.Request) -> web.Response:
        return web.Response(body=content, content_type=JSON)

    async def person(_request: web.Request) -> web.Response:
        return web.Response(body=page, content_type="text/html", charset="utf-8", headers=_PAGE_HEADERS)

    return [web.get("/openapi.json", machine), web.get("/docs", person)]


_PAGE_HEADERS = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}

_STYLE = (
    "body{font:1rem/1.5 system-ui,sans-serif;max-width:50rem;margin:2rem auto;padding:0 1rem}"
    "code{background:#eee;color:#111;padding:.1em .3em}dt{font-weight:600}section{margin-block:2.5rem}"
)


def _page(told: Mapping[str, Any]) -> str:
    info = told["info"]
    sections = "".join(
        _section(method, path, operation)
        for path, methods in told["paths"].items()
        for method, operation in methods.items()
    )
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{html.escape(info["title"])}'
        f'</title><meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body>'
        f"<main><h1>{html.escape(info['title'])}</h1><p>{html.escape(info['description'])}</p>"
        f'<p>For machines: <a href="/openapi.json">openapi.json</a></p>{sections}</main></body></html>'
    )


def _section(method: str, path: str, operation: Mapping[str, Any]) -> str:
    return (
        f"<section><h2><code>{method.upper()} {html.escape(path)}</code></h2>"
        f"<p>{html.escape(operation['summary'])} {html.escape(operation.get('description', ''))}</p>"
        f"<dl>{''.join(_entries(operation))}</dl></section>"
    )


def _entries(operation: Mapping[str, Any]) -> Iterator[str]:
    for parameter in operation.get("parameters", ()):
        yield _entry(f"{parameter['name']} ({parameter['in']})", parameter["description"])
    for media_type in operation.get("requestBody", {}).get("content", {}):
        yield _entry("body", media_type)
    for status, answer in operation["responses"].items():
        yield _entry(status, answer["description"])


def _entry(name: str, words: str) -> str:
    return f"<dt>{html.escape(name)}</dt><dd>{html.escape(words)}</dd>"
