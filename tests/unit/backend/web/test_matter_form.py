"""A matter as a form, and back: nothing lost, everything checked."""

import json
from typing import Any

import pytest

from backend.domain.catalogue import read as read_catalogue
from backend.domain.errors import DomainError
from backend.domain.matter import Matter, to_plain
from backend.services.matters import default_catalogue
from backend.web import matter_form

MATTERS = read_catalogue(default_catalogue(), org_id="330109", org_path="/330109/")


def typed(fields: dict[str, Any]) -> tuple[dict[str, str], list[str]]:
    """What a browser would send for a form filled in with ``fields``."""
    given: dict[str, str] = {}
    for name in (
        *("name", "category", "copies", "stamps_per_copy", "batch_copies", "attachments", "place"),
        *("window_hours", "life_days", "offline_hours", "reason", "instead", "words", "note"),
    ):
        given[name] = str(fields[name])
    given |= {name: "1" for name, on in fields["switches"].items() if on}
    if fields["forbidden"]:
        given["forbidden"] = "1"

    def steps(prefix: str, rows: Any) -> None:
        for place, row in enumerate(rows):
            for part in ("level", "name", "hours"):
                given[f"{prefix}{place}_{part}"] = getattr(row, part)

    steps("c", fields["steps"])
    for place, tier in enumerate(fields["tiers"]):
        given[f"t{place}_from"] = tier.yuan
        if tier.resolution:
            given[f"t{place}_resolution"] = "1"
        steps(f"t{place}c", tier.steps)
    return given, list(fields["seals"])


@pytest.mark.parametrize("matter", MATTERS, ids=lambda one: one.id)
def test_every_matter_of_the_catalogue_comes_back_as_it_went_in(matter: Matter) -> None:
    plain = json.loads(json.dumps(to_plain(matter)))
    fields = matter_form.fields_of(matter.name, matter.category, plain)
    given, seals = typed(fields)
    back = matter_form.read(given, seals, plain)
    assert back.name == matter.name
    kept = {**plain, "seals": sorted(plain["seals"])}
    if plain["forbidden"] is not None:
        # What nobody may apply for has no chain to lose.
        kept |= {"chain": [], "thresholds": []}
    assert {**back.spec, "seals": sorted(back.spec["seals"])} == kept


def test_numbers_that_are_none_are_said() -> None:
    for field in ("copies", "window_hours", "t0_from"):
        with pytest.raises(DomainError, match=r"bad_number|bad_amount"):
            matter_form.read({field: "三"}, [], {})


def test_an_attachment_may_be_optional() -> None:
    spec = matter_form.read({"attachments": "户口簿\n\n照片（可选）\n（可选）"}, [], {}).spec
    assert spec["attachments"] == [
        {"name": "户口簿", "required": True},
        {"name": "照片", "required": False},
    ]
