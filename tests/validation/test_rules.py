"""Rules in CEL: names checked at load, answers given in Swedish, doubt held and never accepted."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from chassis.folders import BrokenFolder
from validation.facts import Past
from validation.forms import load_form
from validation.judgement import Judgement
from validation.rules import Line

Judge = Callable[..., Judgement]
Visit = Callable[..., Past]

DATA = {"dag": "2026-11-12", "enhet": "kost"}


def rule(when: str, message: str = "Ja.", outcome: str = "note", **more: Any) -> dict[str, Any]:
    return {"id": "r", "outcome": outcome, "when": when, "message": message, "source": "§ 1", **more}


def one(when: str, message: str = "Ja.", outcome: str = "note", **more: Any) -> dict[str, Any]:
    return {"rules": [rule(when, message, outcome, **more)]}


def payment(quantity: str, message: str = "Besök {facts.visits + 1} av 2.") -> dict[str, Any]:
    return {"kind": "arvode", "quantity": quantity, "message": message, "source": "§ 3"}


@pytest.mark.parametrize(
    "when",
    [
        "data.enhet == 'kost'",
        "!has(data.timmar)",
        "person.id == 'kp-1' && person.role == 'member' && unit in person.units",
        "submitter.email == 'anna@namnd.example'",
        "kontaktpolitiker('ANNA@namnd.example').name == 'Anna Exempelsson'",
        "kontaktpolitiker('ingen@namnd.example') == null",
        "days_between(data.dag, received_at) == 8",
        "days_between(received_at, data.dag) == -8",
        "year(received_at) == 2026 && today == '2026-11-20'",
        "form.title == 'Provrapport' && form.version == 1 && !has(form.guideline)",
        "unit_name(unit) == 'Kost' && unit in committee.units",
        "mentions(data, ['KOS', 'ost', 'kul']) == ['kos'] && mentions(data, []) == []",
        "received_at.startsWith('2026-11-20T13:00:00')",
    ],
)
def test_rules_see_the_report_and_what_surrounds_it(judged: Judge, when: str) -> None:
    """Every variable and function of the contract has its meaning."""
    (finding,) = judged(DATA, one(when)).findings
    assert (finding.rule, finding.outcome) == ("r", "note")


def test_a_day_is_swedish(judged: Judge) -> None:
    """Half past eleven in the evening, UTC, is already tomorrow in Sweden."""
    late = datetime(2026, 11, 12, 23, 30, tzinfo=UTC)
    assert judged(DATA, one("days_between(data.dag, received_at) == 1"), received_at=late).findings


@pytest.mark.parametrize(
    ("expression", "shown"),
    [
        ("data.timmar", "5,5"),
        ("data.timmar + 2.5", "8"),
        ("1 + 1", "2"),
        ("data.timmar > 5.0", "ja"),
        ("[1, 2].map(x, x * 2)", "2, 4"),
        ("{'kost': 'Köket }'}[data.enhet]", "Köket }"),
    ],
)
def test_messages_are_written_the_swedish_way(judged: Judge, expression: str, shown: str) -> None:
    """Decimals have a comma, and a brace inside the expression is the expression's own."""
    rules = one("true", "Det är {" + expression + "}.")
    (finding,) = judged({**DATA, "timmar": 5.5}, rules).findings
    assert finding.message == f"Det är {shown}."


@pytest.mark.parametrize("when", ["data.timmar > 1.0", "person.id", "year(data.enhet) == 1", "1 / 0 == 1"])
@pytest.mark.parametrize("outcome", ["note", "hold", "reject"])
def test_a_rule_without_an_answer_holds_the_report(judged: Judge, when: str, outcome: str) -> None:
    """Doubt goes to the secretary: it neither accepts nor rejects."""
    with capture_logs() as logged:
        judgement = judged(DATA, one(when, outcome=outcome))
    assert [(f.rule, f.outcome) for f in judgement.findings] == [("rule-error", "hold")]
    assert judgement.outcome == "held"
    (event,) = logged
    assert (event["event"], event["log_level"]) == ("rule.failed", "error")
    assert when in event["reason"]
    assert DATA["enhet"] not in str(event)


def test_an_answer_needs_only_the_side_that_settles_it(judged: Judge) -> None:
    """`&&` with a false side is false, also when the other has no answer."""
    assert judged(DATA, one("has(data.timmar) && data.timmar > 1.0")).outcome == "accepted"


def test_a_message_without_an_answer_holds_the_report(judged: Judge) -> None:
    """A finding nobody can read is no reason to reject anybody."""
    judgement = judged(DATA, one("true", "{data.timmar}", "reject"))
    assert judgement.outcome == "held"


def test_compensation_without_an_answer_holds_the_report(judged: Judge) -> None:
    """Nobody is paid a sum that could not be reckoned."""
    judgement = judged(DATA, {"compensation": [{"kind": "arvode", "quantity": "data.antal"}]})
    assert (judgement.outcome, judgement.compensation) == ("held", ())


@pytest.mark.parametrize(("visits", "quantity", "position"), [(0, 1, "1"), (1, 1, "2"), (2, 0, "3")])
def test_compensation_says_the_position_also_when_nothing_is_paid(
    judged: Judge, visit: Visit, visits: int, quantity: int, position: str
) -> None:
    """Who is paid nothing is told why, and from which paragraph, without a finding more."""
    rules = {"facts": {"visits": {"count": "true"}}, "compensation": [payment("facts.visits < 2 ? 1 : 0")]}
    judgement = judged(DATA, rules, past=[visit(number) for number in range(visits)])
    assert judgement.findings == ()
    assert judgement.compensation == (Line("arvode", quantity, f"Besök {position} av 2.", "§ 3"),)


def test_compensation_may_say_nothing(judged: Judge) -> None:
    """A form without words for it is paid by all the same."""
    rules = {"compensation": [{"kind": "arvode", "quantity": "1"}]}
    assert judged(DATA, rules).compensation == (Line("arvode", 1, None, None),)


def test_what_compensation_says_has_no_personal_numbers(judged: Judge) -> None:
    """Like the words of a finding."""
    rules = {"compensation": [payment("1", "Besök på {data.enhet}.")]}
    (line,) = judged({**DATA, "enhet": "19121212-1212"}, rules).compensation
    assert line.message == "Besök på ••••••••-••••."


def test_compensation_whose_words_have_no_answer_holds_the_report(judged: Judge) -> None:
    """As when a rule's have none; the finding names the paragraph."""
    judgement = judged(DATA, {"compensation": [payment("1", "{data.antal} av 2.")]})
    assert (judgement.outcome, judgement.compensation) == ("held", ())
    assert judgement.findings[0].source == "§ 3"


@pytest.mark.parametrize(
    ("outcomes", "verdict"),
    [
        ([], "accepted"),
        (["note"], "accepted"),
        (["note", "hold"], "held"),
        (["hold", "reject", "note"], "rejected"),
    ],
)
def test_the_gravest_finding_decides(judged: Judge, outcomes: list[str], verdict: str) -> None:
    """Any reject rejects, else any hold holds, and notes travel along."""
    rules = [{**rule("true", outcome=outcome), "id": f"r-{outcome}"} for outcome in outcomes]
    judgement = judged(DATA, {"rules": rules})
    assert judgement.outcome == verdict
    assert len(judgement.findings) == len(outcomes)


def test_a_committee_sets_the_outcome_and_not_the_text(judged: Judge) -> None:
    """`rules: {r: hold}` in the committee's file."""
    (finding,) = judged(DATA, one("true"), overrides={"r": "hold"}).findings
    assert (finding.outcome, finding.message) == ("hold", "Ja.")


def test_a_rule_over_the_unit_stays_a_note(judged: Judge, visit: Visit) -> None:
    """Facts over a unit are not serialised across persons, so they decide nothing."""
    rules = {
        "facts": {"others": {"over": "unit", "count": "true"}},
        "rules": [rule("facts.others == 1")],
    }
    past = [visit(1, person="kp-2")]
    assert judged(DATA, rules, past=past, overrides={"r": "hold"}).outcome == "accepted"


def test_personal_numbers_are_found_in_any_text_and_file_name(judged: Judge) -> None:
    """The finding says where, and the digits are shown nowhere."""
    found = "(personal_numbers(data) + personal_numbers(attachments))"
    rules = one(f"{found}.exists(n, n.kind == 'certain')", "{data.enhet}", pointer=f"{{{found}[0].pointer}}")
    (finding,) = judged({**DATA, "enhet": "19121212-1212"}, rules).findings
    assert (finding.pointer, finding.message) == ("/enhet", "••••••••-••••")
    (finding,) = judged(DATA, rules, attachments=("bild.jpg", "191212121212.jpg")).findings
    assert finding.pointer == "/attachments/1"


def test_the_subject_is_one_line_without_numbers(judged: Judge) -> None:
    """It goes to agenda, diary and letters."""
    judgement = judged({**DATA, "enhet": "a\n19121212-1212"})
    assert judgement.subject == "Besök 2026-11-12: a ••••••••-••••"


def test_a_broken_report_is_shown_by_its_forms_title(judged: Judge) -> None:
    """The rules are not run, since they rely on the schema."""
    judgement = judged({"enhet": "\ud800", "dag": 5}, one("true"))
    assert {finding.rule for finding in judgement.findings} == {"schema"}
    assert (judgement.subject, judgement.outcome) == ("Provrapport", "rejected")
    assert (judgement.event_date, judgement.compensation) == (None, ())


def test_texts_are_kept_composed(judged: Judge) -> None:
    """É written as two code points counts as one character and is kept as one."""
    judgement = judged({**DATA, "enhet": "e\u0301" * 20})
    assert judgement.data["enhet"] == "\u00e9" * 20


@pytest.mark.parametrize(
    ("rules", "complaint"),
    [
        (one("data.enhett == 'x'"), "enhett"),
        (one("dta.enhet == 'x'"), "dta"),
        (one("ar(data.dag) == 1"), "ar"),
        (one("facts.visits > 1"), "visits"),
        (one("data.enhet =="), "not CEL"),
        (one("true", "{data.enhett}"), "enhett"),
        (one("true", "{data.enhet"), "never closed"),
        ({"compensation": [payment("1", "{data.enhett}")]}, "compensation arvode: .*enhett"),
        ({"compensation": [payment("1", "{data.enhet")]}, "compensation arvode: .*never closed"),
        ({"compensation": [{**payment("1", "Ja."), "text": "Nej."}]}, "text"),
        (one("true", outcome="maybe"), "outcome"),
        ({"rules": [rule("true"), rule("true")]}, "several rules"),
        ({"facts": {"f": {"count": "past.data.x == 1"}}}, "x"),
        ({"facts": {"f": {"sum": "past.data.enhet"}}}, "cannot be summed"),
        ({"facts": {"f": {"sum": "past.data.antal", "count": "true"}}}, "either count or sum"),
        (
            {"facts": {"f": {"over": "unit", "count": "true"}}, **one("facts.f > 0", outcome="hold")},
            "notes only",
        ),
        ({"rulse": []}, "rulse"),
    ],
)
def test_a_mistake_in_the_rules_is_refused_with_its_file(
    form_folder: Callable[..., Path], rules: dict[str, Any], complaint: str
) -> None:
    """Misspelt names are found when the form is read, not when somebody reports."""
    with pytest.raises(BrokenFolder, match=rf"rules\.yaml.*{complaint}"):
        load_form(form_folder(rules))


def test_names_in_texts_and_of_loops_are_no_variables(judged: Judge) -> None:
    """Only what the expression refers to is checked."""
    rules = one("['data.hej', 'b'].exists(b, b == 'data.hej')")
    assert judged(DATA, rules).findings


def test_of_several_numbers_the_first_in_the_report_is_pointed_out(judged: Judge) -> None:
    """Every time: the same report gives the same judgement, and a map of CEL's has no order."""
    text = "19121212-1212"
    rules = one("personal_numbers(data).size() == 3", pointer="{personal_numbers(data)[0].pointer}")
    schema: Any = {"properties": {name: {} for name in ("dag", "enhet", "sist", "alltra")}}
    data = {**DATA, "enhet": f"a {text}", "sist": f"b {text}", "alltra": f"c {text}"}
    assert {judged(data, rules, schema=schema).findings[0].pointer for _ in range(9)} == {"/enhet"}


@pytest.mark.parametrize("words", ["Lex  Sarah", "LEX\nSARAH", "en lex\u00a0sarah till", "lex sarahanmälan"])
def test_words_are_found_however_they_are_spaced(judged: Judge, words: str) -> None:
    """White space in a text and in a word of the list is the same, whatever it is."""
    rules = one("mentions(data, ['sjukskriv', 'lex sarah']) == ['lex sarah']")
    assert judged({**DATA, "enhet": words}, rules).findings
    assert not judged({**DATA, "enhet": "lex och sarah"}, rules).findings
