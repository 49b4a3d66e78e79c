"""What services say to a sleeve unasked, as messages of the device contract."""

from __future__ import annotations

from backend.domain.use import Grant
from backend.store.people import PinCheck
from gateway.protocol import messages


def pushed_grant(grant: Grant, until: int, pin: PinCheck | None) -> messages.Grant:
    """The copy of a grant that lies in the sleeve for off-line use until ``until`` (ms UTC)."""
    place = None
    if grant.place is not None:
        lat, lon, radius = grant.place
        place = messages.Place(lat=lat, lon=lon, radius=radius)
    return messages.Grant(
        grant=grant.id,
        operator=grant.operator,
        alternates=list(grant.alternates),
        stamps=grant.stamps,
        not_before=grant.not_before,
        not_after=until,
        title=grant.title,
        place=place,
        check=grant.policy["check"],
        pin_allowed=grant.policy["pin_allowed"],
        challenge=grant.policy["challenge"],
        frames=grant.policy["frames"],
        offline=True,
        max_clock_age=grant.policy["max_clock_age"],
        pin=None
        if pin is None
        else messages.PinCheck(salt=pin.salt, rounds=pin.rounds, digest=pin.digest),
        wait_for_page=False,  # off line there is no verdict to wait for; the sync checks the page
    )
