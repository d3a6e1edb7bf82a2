"""The keys that a municipality's configuration may have, so that a misspelt one is found and not passed over.

Each service reads its own part of a shared file and is silent about the rest: only the whole house
can tell that nobody reads `metings`. What stands in a form's files, its readers know themselves.
"""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import TypeAlias

import yaml

from chassis.folders import Problem
from chassis.yaml_files import compose_yaml

Known: TypeAlias = Mapping[str, "Known | None"]
"""Keys and what may stand under each, in every item of a list; None leaves that to the reader's model."""


def _keys(names: str) -> Known:
    return dict.fromkeys(names.split())


COMMITTEE: Known = {
    **_keys("id name agenda_item proposal summons_days_before rules"),
    "secretary": {
        **_keys("name email copies"),
        "away": _keys("from to"),
        "substitute": _keys("name email"),
    },
    "diary": _keys("template registered"),
    "notify": _keys(
        "when window_minutes digest_at reminders_workdays_before weekly_tally receipt guideline_days_before "
        "unseen attach_packet"
    ),
    "meetings": _keys("date time place deadline cancelled id sequence"),
    "units": _keys("id name"),
    "kontaktpolitiker": _keys(
        "id name email role units from to employed_in relatives_in personal_number_hash"
    ),
    "archiving": _keys("organisation organisation_number agreement own_reports"),
    "visits_per_year": _keys("least most"),
    "disposal": {**_keys("decision payloads_days"), "reports": _keys("years")},
}
CALLERS: Known = {
    "callers": {
        **_keys("id key_sha256 webhook_secrets forms per_minute own_platform"),
        "hand_back": _keys("kind url credentials statuses"),
    },
}


def strangers(path: Path, known: Known) -> Iterator[Problem]:
    """Find the keys that nobody reads; a file that cannot be read is its reader's to complain of."""
    try:
        document = compose_yaml(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return
    if document is not None:
        yield from _in_node(path, document, known)


def _in_node(path: Path, node: yaml.Node, known: Known | None) -> Iterator[Problem]:
    if known is None:
        return
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _in_node(path, item, known)
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value in known:
                yield from _in_node(path, value, known[key.value])
            else:
                yield Problem(path, key.start_mark.line + 1, _unknown(key.value, known))


def _unknown(name: str, known: Known) -> str:
    nearest = get_close_matches(name, known, 1, cutoff=0.5)
    remedy = f"did you mean {nearest[0]}?" if nearest else f"there are {', '.join(known)}"
    return f"{name}: there is no such key; {remedy}"
