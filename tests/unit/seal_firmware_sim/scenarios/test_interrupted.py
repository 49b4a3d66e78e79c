"""A day that is interrupted while a condition lasts goes on in it, and nothing happens twice."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.protocol import messages as m
from seal_firmware_sim.scenarios import format as fmt
from seal_firmware_sim.scenarios.scenes import MINUTE, Progress, Scene, Stage
from seal_firmware_sim.scenarios.stage import Actor
from tests.unit.seal_firmware_sim.scenarios.test_player import Town

START = Town().scenario.time("08:00")


def lasting(turn: int, minutes: int, withheld: int = 0) -> dict[int, Progress]:
    """Interrupted in turn ``turn`` of action 0, which lasts ``minutes`` more from the start."""
    return {0: Progress(turn=turn, until=START + minutes * MINUTE, withheld=withheld)}


def the_sleeve(town: Town) -> Actor:
    return town.actors[1, "committee"]


def test_silence_goes_on_until_its_time() -> None:
    town = Town(fmt.Silent(at="07:30", village=1, minutes=90), before=lasting(0, 60))
    assert not the_sleeve(town).sleeve.reachable
    town.play()
    assert town.servers[1, "committee"].states[0] == m.State(online=True, boot=1)
    assert town.bodies(m.Boot)
    assert town.player.progress[0] == Progress(turn=1, done=True)


def test_a_seal_that_was_out_is_still_out_and_then_comes_back() -> None:
    town = Town(fmt.SealOut(at="07:55", village=1, minutes=10), before=lasting(0, 5))
    town.play()
    assert [(b.switch, b.open) for b in town.bodies(m.Tamper)] == [("seal", True), ("seal", False)]


def test_a_sleeve_that_was_carried_away_comes_home() -> None:
    town = Town(fmt.CarriedAway(at="07:50", village=1, minutes=20), before=lasting(1, 5))
    home = the_sleeve(town).home
    assert home is not None
    town.play()
    assert town.bodies(m.Moved)[-1].position == home


def test_what_was_withheld_stays_withheld_until_its_time() -> None:
    # The boot of this start stands for the event that was withheld before.
    town = Town(fmt.Withheld(at="07:50", village=1, minutes=60), before=lasting(2, 30, withheld=1))
    server = town.servers[1, "committee"]
    arrived: list[int] = []
    handle = server.handle

    def watch(sent: Any) -> Any:
        answers = handle(sent)
        if "boot" in town.types():
            arrived.append(town.clock.now)
        return answers

    server.handle = watch  # type: ignore[method-assign]  # to look on
    town.play()
    assert arrived[0] >= START + 30 * MINUTE
    assert town.player.given_up == []
    assert the_sleeve(town).idle


def test_a_use_without_network_is_not_stamped_again_and_comes_back() -> None:
    action = fmt.Use(at="07:50", village=1, offline=True, back_after=20)
    before = {0: Progress("a-1", at_sleeve=True, until=START + 5 * MINUTE)}
    town = Town(action, before=before)
    assert not the_sleeve(town).sleeve.reachable
    town.play()
    assert town.office.applied == []
    assert "stamped" not in town.types()
    assert the_sleeve(town).sleeve.online


@pytest.mark.parametrize("turn", [0, 1, 2])
def test_a_clock_set_back_is_seen_whenever_the_day_was_interrupted(turn: int) -> None:
    town = Town(fmt.ClockBack(at="07:58", village=1, minutes=90), before=lasting(turn, 1))
    town.play()
    assert the_sleeve(town).sleeve.online
    assert any(b.signed and b.after > b.before for b in town.bodies(m.ClockSet))


@pytest.mark.parametrize(
    ("progress", "goes_on", "midway"),
    [
        (Progress(application="a-1"), True, False),  # in the office
        (Progress(application="a-1", at_sleeve=True), False, True),
        (Progress(), False, True),  # begun without paper
        (Progress(until=7), True, False),  # a condition lasts
        (Progress(application="a-1", at_sleeve=True, until=7), True, False),
        (Progress(done=True), False, False),
    ],
)
def test_where_a_day_can_be_interrupted(progress: Progress, goes_on: bool, midway: bool) -> None:
    assert (progress.goes_on, progress.midway) == (goes_on, midway)


def test_the_player_knows_when_somebody_is_at_a_sleeve() -> None:
    town = Town(
        fmt.Use(at="08:10", village=1), fmt.Silent(at="08:20", village=1, seal="party", minutes=30)
    )
    seen: set[tuple[bool, bool]] = set()
    run_due = town.player.run_due

    def watch() -> None:
        run_due()
        use, silence = town.player.progress.get(0), town.player.progress.get(1)
        at_sleeve = use is not None and use.at_sleeve and not use.done
        if silence is None:
            seen.add((at_sleeve, town.player.midway))

    town.player.run_due = watch  # type: ignore[method-assign]  # to look on
    town.play()
    assert seen == {(False, False), (True, True)}
    assert not town.player.midway


def test_the_same_request_is_made_after_an_interruption() -> None:
    action = fmt.Unused(at="08:10", village=1, within=40)
    town = Town(action)
    stage = Stage(town.office, town.actors, 7)
    first, second = (Scene(stage, 0, action, Progress()).request() for _ in range(2))
    assert first == second
    assert first.within == 40
