"""A photograph held up to the camera, on the page of its alert (C11)."""

from collections.abc import Sequence
from typing import Any

import pytest

from backend.store.pictures import PictureStore
from backend.store.tables import check_job, picture, seal_use
from tests.support.world import VILLAGE
from tests.unit.backend.web.conftest import Town
from tests.unit.backend.web.test_eyes_seen import raise_alert

EYES = (0.45, 0.35, 0.55, 0.35)
"""Both eyes, as shares of the picture's width: a tenth of it apart."""

SIGNS = "0" * 64


def capture(town: Town, use: str, counter: int, frames: int) -> list[str]:
    """Pictures of a face, as a sleeve sends them; their ids."""
    world = town.made.world
    names = [world.context.new_id() for _ in range(frames)]
    with world.db.write() as conn:
        for frame, name in enumerate(names):
            PictureStore(world.ring).put(
                conn,
                name,
                b"png",
                org_path=VILLAGE,
                kind="face",
                mime="image/png",
                now=world.clock(),
                use_id=use,
            )
            conn.execute(
                picture.update().where(picture.c.id == name).values(counter=counter, frame=frame)
            )
    return names


def check(
    town: Town,
    use: str,
    counter: int,
    reasons: Sequence[str],
    *,
    frames: int = 4,
    prints: Sequence[Any] | None = None,
    attempt: int = 1,
    device: str | None = None,
) -> list[str]:
    """A check of the person that ended so; the pictures that were looked at."""
    world = town.made.world
    names = capture(town, use, counter, frames)
    kept = [[f"{counter}-{n}", SIGNS, list(EYES)] for n in range(frames)]
    with world.db.write() as conn:
        about = conn.execute(seal_use.select().where(seal_use.c.id == use)).one()
        conn.execute(
            check_job.insert(),
            {
                "id": world.context.new_id(),
                "kind": "face",
                "device_id": device or about.device_id,
                "use_id": use,
                "counter": counter,
                "state": "done",
                "input": {"pictures": names, "attempt": attempt, "challenge": "left"},
                "result": {
                    "attempt": attempt,
                    "reasons": list(reasons),
                    "prints": kept if prints is None else list(prints),
                },
                "created_at": world.clock(),
                "attempts": 1,
            },
        )
    return names


def alert_of(town: Town, use: str, code: str = "C11", who: str = "town") -> str:
    return str(town.client(who).get(f"/alerts/{raise_alert(town, code, use)}").text)


def state_reason(town: Town, who: str = "town") -> None:
    answer = town.client(who).post("/review", data={"reason": "查看预警", "back": "/today"})
    assert answer.status_code == 303


def test_promise_5_faces_are_placeholders_until_a_reason_is_stated(town: Town) -> None:
    use = town.made.day.cheated
    names = check(town, use, 90, ["flat"])
    address = f"/alerts/{raise_alert(town, 'C11', use)}"
    page = town.client("town").get(address).text
    assert "是不是真人" in page
    for name in names:
        assert f'id="pic-{name}"' in page
        assert f"/pictures/{name}" not in page
    assert "<rect" not in page
    state_reason(town, "town")
    assert f"/pictures/{names[0]}?review=" in town.client("town").get(address).text


def test_each_frame_has_the_face_framed_and_what_was_asked_is_said(town: Town) -> None:
    use = town.made.day.cheated
    names = check(town, use, 90, ["flat"], attempt=2)
    state_reason(town, "town")
    page = alert_of(town, use)
    for words in ("镜头前像是一张照片", "第2次核验", "要求向左转头", "登记照", "这次的抓拍"):
        assert words in page
    assert all(page.count(f'id="pic-{name}"') == 1 for name in names)
    # The eyes' middle is at half the width; a tenth apart.
    assert page.count('<rect x="385" y="250" width="230" height="290">') == len(names)


def test_the_attempt_that_is_proof_stands_before_a_later_one_that_is_none(town: Town) -> None:
    use = town.made.day.cheated
    proof = check(town, use, 90, ["flat"])
    check(town, use, 91, ["no_turn"], attempt=2)
    assert f'id="pic-{proof[0]}"' in alert_of(town, use)


def test_a_capture_that_was_shown_again_stands_beside_the_earlier_one(town: Town) -> None:
    use, before = town.made.day.cheated, town.made.day.finished
    with town.made.world.db.read() as conn:
        about = conn.execute(seal_use.select().where(seal_use.c.id == use)).one()
    like, unlike = "f" * 63 + "0", "0" * 64
    kept = [["a", unlike, []], ["b", "f" * 64, []]]
    earlier = check(town, before, 50, [], frames=2, prints=kept, device=about.device_id)
    check(town, use, 90, ["replay"], frames=1, prints=[["c", like, list(EYES)]])
    page = alert_of(town, use)
    assert "以前的抓拍" in page
    assert "登记照" not in page
    assert f'id="pic-{earlier[1]}"' in page
    assert f'id="pic-{earlier[0]}"' not in page


def test_where_a_face_was_missing_in_a_frame_nothing_is_framed_by_guess(town: Town) -> None:
    use = town.made.day.cheated
    names = check(town, use, 90, ["no_turn"], prints=[["a", SIGNS, list(EYES)]])
    state_reason(town, "town")
    page = alert_of(town, use)
    assert f'id="pic-{names[3]}"' in page
    assert "<rect" not in page


@pytest.mark.parametrize("code", ["C10", "C16"])
def test_an_alert_about_another_thing_says_nothing_of_it(town: Town, code: str) -> None:
    use = town.made.day.cheated
    check(town, use, 90, ["flat"])
    assert "是不是真人" not in alert_of(town, use, code)


def test_promise_6_who_may_not_look_at_faces_finds_none(town: Town) -> None:
    use = town.made.day.cheated
    names = check(town, use, 90, ["flat"])
    answer = town.client("stranger").get(f"/alerts/{raise_alert(town, 'C11', use)}")
    assert answer.status_code == 404
    assert names[0] not in answer.text
