"""What an installation does by itself: pictures go when the settings say so."""

from backend.services.pictures import VIEWERS
from zhiyin.running.chores import keep, retention
from zhiyin.settings import RetentionSettings

DAY = 86_400_000


def test_faces_go_after_half_a_year_and_pages_after_three_unless_chosen_otherwise() -> None:
    assert retention(RetentionSettings()).keep_ms["face"] == 180 * DAY
    chosen = retention(RetentionSettings(face_days=30, picture_days=365)).keep_ms
    assert (chosen["face"], chosen["page_after"]) == (30 * DAY, 365 * DAY)


def test_uses_are_kept_for_three_years_and_technical_rows_for_200_days() -> None:
    kept = keep(RetentionSettings())
    assert (kept.usage_ms, kept.technical_ms) == (1095 * DAY, 200 * DAY)
    chosen = keep(RetentionSettings(usage_days=3650, technical_days=365))
    assert (chosen.usage_ms, chosen.technical_ms) == (3650 * DAY, 365 * DAY)


def test_every_kind_but_enrolment_has_its_time() -> None:
    # An enrolment picture goes with its consent, not with time.
    assert set(retention(RetentionSettings()).keep_ms) == set(VIEWERS) - {"enrolment"}
