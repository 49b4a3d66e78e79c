"""How a grant goes out to the sleeve."""

from backend.domain.use import Grant
from gateway.stages.decide import to_wire


def test_a_sleeve_is_not_told_to_wait_for_a_verdict_that_nobody_gives() -> None:
    grant = Grant(
        id="g",
        application="a",
        org_path="/1/",
        device="ZY1",
        seal="s",
        operator="p",
        alternates=(),
        stamps=1,
        not_before=0,
        not_after=1,
        title="土地承包合同",
        state="issued",
        use_id=None,
        place=None,
        policy={"wait_for_page": True, "frames": 5},
    )
    sent = to_wire(grant, request=3, nonce=bytes(16))
    assert not sent.wait_for_page
    assert sent.frames == 5
