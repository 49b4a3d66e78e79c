"""Every limit is explained beside itself."""

from gateway.protocol import constants, limits


def test_every_limit_is_listed_with_value_unit_and_explanation() -> None:
    found = {one.name: one for one in constants.limits()}
    assert set(found) == {name for name in dir(limits) if name.isupper()}
    assert all(one.value == getattr(limits, one.name) for one in found.values())
    assert all(one.text.endswith(".") for one in found.values())
    assert found["RESEND_AFTER_MS"].unit == "ms"
    assert found["MAX_PIECE_DATA"].unit == found["MAX_EVENT_BYTES"].unit == "bytes"
    assert found["MAX_STAMPS"].unit == ""


def test_limits_fit_each_other() -> None:
    assert limits.MAX_PIECES * limits.MAX_PIECE_DATA == limits.MAX_PICTURE_BYTES
    # Ranges of missing pieces alternate with pieces held, so half as many ranges always suffice.
    assert limits.MAX_RANGES * 2 >= limits.MAX_PIECES
    assert limits.RESEND_AFTER_MS < limits.RESEND_MOST_MS
    assert limits.JOURNAL_QUOTA_BYTES > 64 * limits.MAX_EVENT_BYTES
