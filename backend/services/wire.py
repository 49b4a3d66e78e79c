"""What services say to a sleeve unasked, as messages of the device contract."""

from __future__ import annotations

from backend.domain.grant import Terms
from backend.store.people import PinCheck
from gateway.protocol import messages


def pushed_grant(grant_id: str, terms: Terms, until: int, pin: PinCheck | None) -> messages.Grant:
    """The copy of a grant that lies in the sleeve for off-line use until ``until`` (ms UTC)."""
    place = None
    if terms.place is not None:
        lat, lon, radius = terms.place
        place = messages.Place(lat=lat, lon=lon, radius=radius)
    return messages.Grant(
        grant=grant_id,
        operator=terms.operator,
        alternates=list(terms.alternates),
        stamps=terms.stamps,
        not_before=terms.not_before,
        not_after=until,
        title=terms.title,
        place=place,
        check=terms.policy["check"],
        pin_allowed=terms.policy["pin_allowed"],
        challenge=terms.policy["challenge"],
        frames=terms.policy["frames"],
        offline=True,
        max_clock_age=terms.policy["max_clock_age"],
        pin=None
        if pin is None
        else messages.PinCheck(salt=pin.salt, rounds=pin.rounds, digest=pin.digest),
        wait_for_page=False,  # off line there is no verdict to wait for; the sync checks the page
    )
