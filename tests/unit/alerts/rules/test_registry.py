"""The registry is complete: against the messages, the journal's vocabulary and the brief."""

import re
from pathlib import Path

from alerts import messages
from alerts.rules.registry import BREAKTHROUGH, CODES, RULES
from alerts.rules.sleeve import RULES as SLEEVE_RULES
from alerts.rules.watches import PICTURE_WATCHES, SLEEVE_WATCHES, USE_WATCHES
from gateway.protocol.messages import EVENTS

ALERTS = Path(messages.__file__).parent
WANTED = (
    "C1", "C2", "C3", "C4", "C5", "C6", "C7", "C8", "C9", "C10", "C11", "C12", "C13", "C15", "C16",
    "C17", "C18", "C20", "C21", "C22", "C23", "C24", "C26", "C28", "C32", "C35",
)  # fmt: skip


def test_every_wanted_rule_is_there() -> None:
    assert set(WANTED) <= set(CODES)


def test_every_code_has_words_and_every_alert_of_the_words_has_a_rule() -> None:
    assert set(CODES) == set(messages.RULES)
    for language in messages.LOCALES:
        assert set(messages.catalogue(language)["words"]["rule"]) == set(CODES)


def test_names_are_unique_because_state_is_kept_under_them() -> None:
    names = [one.name for one in RULES]
    names += [one.name for one in SLEEVE_WATCHES]
    names += [one.name for one in (*USE_WATCHES, *PICTURE_WATCHES)]
    assert len(names) == len(set(names))
    assert all(len(name) <= 64 for name in names)


def test_the_clock_is_looked_at_on_every_event_of_the_contract() -> None:
    (clock,) = [rule for rule in SLEEVE_RULES if rule.name == "clock"]
    assert clock.kinds == {f"event.{one.type}" for one in EVENTS}


def test_rules_read_only_events_that_the_contract_has() -> None:
    known = {f"event.{one.type}" for one in EVENTS}
    read = {kind for rule in RULES for kind in rule.kinds if kind.startswith("event.")}
    assert read <= known


def test_what_breaks_through_quiet_hours_is_what_the_issue_says() -> None:
    assert set(BREAKTHROUGH) == {"C1", "C2", "C13", "C15", "C16", "C17", "C24"}


def test_every_cause_that_a_rule_gives_has_words() -> None:
    words = messages.catalogue("zh_CN")["words"]["cause"]
    given: set[str] = set()
    for path in sorted((ALERTS / "rules").glob("*.py")):
        source = path.read_text(encoding="utf-8")
        given |= set(re.findall(r'cause="(\w+)"', source))
        given |= set(re.findall(r'"cause": "(\w+)"', source))
        for table in re.findall(r"_(?:CAUSES|REFUSED): Final = \{(.*?)\}", source, re.S):
            given |= set(re.findall(r': "(\w+)"', table))
    assert len(given) > 20
    assert given <= set(words), given - set(words)


def test_the_documentation_has_a_line_for_each_code_and_says_what_breaks_through() -> None:
    document = (ALERTS.parent / "docs" / "alerts.md").read_text(encoding="utf-8")
    lines = re.findall(r"^\| (C\d+) \|.*\| (是)? ?\|$", document, re.M)
    assert {code for code, _ in lines if code in CODES} == set(CODES)
    assert {code for code, through in lines if through} == set(BREAKTHROUGH)
