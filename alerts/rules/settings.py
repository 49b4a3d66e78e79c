"""Thresholds of the rules. Every threshold is a setting: the law names none of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

MINUTE_MS: Final = 60_000
HOUR_MS: Final = 60 * MINUTE_MS
DAY_MS: Final = 24 * HOUR_MS


@dataclass(frozen=True, slots=True)
class RuleSettings:
    """All thresholds in one place; times in ms, shares from 0 to 1, distances in metres."""

    face_accept: float = 0.45
    """C10: the similarity asked for, as messages show it."""
    unusable_pictures: int = 3
    """C12: bursts of one use that could not be used before it is said."""
    moves_inside_fence: bool = True
    """C16: whether being carried about within the fence, while locked, is said too (minor)."""
    fence_m: float = 200.0
    """C16: radius of a sleeve's home where none was commissioned."""
    permit_slack_ms: int = HOUR_MS
    """C16: coming back this much late is not yet outside the permit."""
    hours_grace_ms: int = 30 * MINUTE_MS
    """C17: before opening and after closing, this much still counts as working time."""
    midday_counts: bool = False
    """C17: whether a use in the midday break is said."""
    silent_ms: int = 30 * MINUTE_MS
    """C18: a sleeve that was heard before and is silent for so long."""
    never_heard_ms: int = DAY_MS
    """C18: a sleeve that was enrolled and never heard for so long."""
    offline_uses: int = 5
    """C18: off-line uses within the window before their share is judged."""
    offline_share: float = 0.6
    offline_window_ms: int = 30 * DAY_MS
    clock_ms: int = 120_000
    """C20: a signed correction backwards by more than this means that the clock ran ahead."""
    clock_hand_ms: int = 2_000
    """C20: a clock set by hand (not by a signed server time) by more than this."""
    unfinished_ms: int = 15 * MINUTE_MS
    """C22: no event of an open use for so long: the seal may be out, the door open."""
    gap_ms: int = 30_000
    """C23: a hole in a sleeve's counters may heal by itself for so long (events sent again)."""
    tail_ms: int = 10 * MINUTE_MS
    """C23: a sleeve says that it has more events than it sends, with no progress for so long."""
    replays: int = 500
    """C23: events sent again within an hour before it is said."""
    past_end_ms: int = 5 * MINUTE_MS
    """C32: a use may run past its grant's end for so long."""
    upload_ms: int = DAY_MS
    """C12: a picture that was announced and did not arrive for so long."""
