"""The quick library never says yes where jsonschema says no."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.houses import SHIPPED_FORMS
from validation.proven import is_proven
from validation.schemas import Schema, read_schema

SCHEMAS = {path.parent.name: read_schema(path.read_text("utf-8")) for path in SHIPPED_FORMS.glob("*/v*.json")}
GOOD = [
    (path.parent.parent.name, json.loads(path.read_text("utf-8"))["data"])
    for path in sorted(SHIPPED_FORMS.glob("*/examples/*.json"))
]

STRANGE: list[Any] = [
    *(None, True, False, 0, 1, -1, 8, 8.0, 0.5, 0.25, 0.1 + 0.2, 24.5, -0.0, 5e-324, 1e308, 2**53 + 1),
    *(2**63, -(2**63), 2**64, 10**400, float("nan"), float("inf")),
    *(
        "",
        " ",
        "\x1c",
        "\x85",
        "\u00a0",
        "\ufeff",
        "\u180e",
        "\u2028",
        "\ud800",
        "\x00",
        "å",
        "a\u030a",
        "👩‍👩‍👧",
    ),
    *("2026-02-30", "2026-02-28", "0000-01-01", "10000-01-01", "2026-1-1", "20260228", "2026-W01-1"),
    *(
        "2026-02-28t10:00:00z",
        "2026-02-28T10:00:00Z",
        "２０２６-02-28",
        "2026-02-28\n",
        "2028-02-29",
        "2026-02-29",
    ),
    *("a@b.se", "a@b", "@b.se", "a b@c.se", "å@ö.se", "a@b.se\n", '"a@b"@c.se', "a@[127.0.0.1]", "a@b..se"),
    *([], [1, 1.0], [1, True], [0, False], ["personal", "personal"], [[1], [True]], [{"a": 1}, {"a": 1.0}]),
    *({}, {"datum": "2026-02-30", "referens": "x"}, {"a": {"b": [1]}}, {"\ud800": 1}),
]
EDGES = [sign * length for length in (1, 99, 100, 101, 200, 201, 10_000, 10_001) for sign in ("a", "å", "👍")]
values = st.one_of(
    st.sampled_from(STRANGE),
    st.sampled_from(EDGES),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=4,
    ),
)


def verdict(schema: Schema, data: Any) -> bool:
    """What jsonschema alone says, of what is not refused before it is asked."""
    return not schema.all_findings(data, "")


@pytest.mark.parametrize("form", SCHEMAS)
def test_the_shipped_forms_are_proven(form: str) -> None:
    """They are what the speed is for."""
    assert is_proven({"properties": SCHEMAS[form].document["properties"]})


@pytest.mark.parametrize(("form", "data"), GOOD)
def test_the_examples_are_judged_alike(form: str, data: Any) -> None:
    """Good and bad ones."""
    assert (SCHEMAS[form].findings(data, "") == ()) == verdict(SCHEMAS[form], data)


@settings(max_examples=800, deadline=None)
@given(good=st.sampled_from(GOOD), data=st.data())
def test_a_good_report_with_one_thing_changed_is_judged_alike(
    good: tuple[str, dict[str, Any]], data: st.DataObject
) -> None:
    """Another type, another spelling, something missing or more than there should be."""
    form, report = good
    schema = SCHEMAS[form]
    name = data.draw(st.sampled_from([*sorted(schema.root.properties), "okand"]))
    missing = data.draw(st.sampled_from([None, *report]))
    changed = {key: value for key, value in {**report, name: data.draw(values)}.items() if key != missing}
    assert schema.findings(changed, "") == schema.all_findings(changed, "")


@settings(max_examples=300, deadline=None)
@given(form=st.sampled_from(sorted(SCHEMAS)), data=st.data())
def test_any_fields_together_are_judged_alike(form: str, data: st.DataObject) -> None:
    """Also where several parts of the schema bear on each other."""
    schema = SCHEMAS[form]
    fields = st.dictionaries(st.sampled_from(sorted(schema.root.properties)), values, max_size=6)
    report = data.draw(fields) | data.draw(st.sampled_from([one for name, one in GOOD if name == form]))
    assert schema.findings(report, "") == schema.all_findings(report, "")


@pytest.mark.parametrize(
    "part",
    [
        {"pattern": "^[a-z]+$"},
        {"format": "time"},
        {"format": "idn-email"},
        {"multipleOf": 0.1},
        {"enum": [1, 2]},
        {"const": 1},
        {"const": {"a": 1}},
        {"uniqueItems": True},
        {"uniqueItems": True, "items": {"type": "number"}},
        {"maximum": 2**60},
        {"contains": {"type": "string"}},
        {"prefixItems": [{}]},
        {"patternProperties": {"a": {}}},
        {"propertyNames": {"maxLength": 3}},
        {"dependentRequired": {"a": ["b"]}},
        {"contentEncoding": "base64"},
        {"$dynamicRef": "#a"},
        {"$ref": "#/properties/a"},
        {"$id": "https://kansli.example/inre"},
    ],
)
def test_what_is_not_proven_is_left_to_jsonschema(part: dict[str, Any]) -> None:
    """Wherever in the schema it stands."""
    for schema in (
        {"properties": {"a": part}},
        {"allOf": [part]},
        {"if": part},
        {"items": part},
        {"$defs": {"a": {"not": part}}},
    ):
        assert not is_proven(schema)
