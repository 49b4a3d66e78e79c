"""From an idle sleeve to an open use: request, grant, count."""

from __future__ import annotations

import re
from typing import Final

from gateway.protocol.limits import MAX_BURST
from gateway.protocol.messages import CountEntered, Grant, Refusal, UnlockRequest
from seal_firmware_sim import texts
from seal_firmware_sim.core import Core, clean
from seal_firmware_sim.grants import No, Shelf
from seal_firmware_sim.guard import Guard
from seal_firmware_sim.inputs import EnterCount, FinishEarly, RequestUnlock
from seal_firmware_sim.session import Phase, Request, Session
from seal_firmware_sim.timekeeping import Timekeeper

REQUEST_WAIT_MS: Final = 10_000
"""How long the sleeve waits for the answer to an unlock request."""

_PAGES: Final = 2
_JOB: Final = re.compile(r"[0-9]{6,10}")
_MOST_ID: Final = 64


class Unlocking:
    """Asks for a grant, takes it or not, and asks how many stamps are wanted."""

    def __init__(
        self, core: Core, time: Timekeeper, shelf: Shelf, session: Session, guard: Guard
    ) -> None:
        self._core = core
        self._time = time
        self._shelf = shelf
        self._session = session
        self._guard = guard

    def request(self, wish: RequestUnlock) -> None:
        """The operator asks to unlock."""
        core, session = self._core, self._session
        if session.phase is not Phase.IDLE:
            core.show(texts.BUSY, "refused")
            return
        if not _well_formed(wish):
            core.show(texts.JOB_FORM, "refused")
            return
        no = self._guard.gate(MAX_BURST + _PAGES)
        if no is not None:
            self._refuse(no, grant=wish.grant)
            return
        if not core.connected:
            self._offline(wish.grant)
            return
        nonce = core.entropy(16)
        counter = core.record(
            UnlockRequest(nonce=nonce, grant=wish.grant, job=wish.job, position=core.position)
        )
        session.request = Request(counter, nonce, wish.grant, core.moment.mono)
        session.asked[counter] = session.request
        session.last_done = 0
        session.wait(Phase.REQUESTED, counter, REQUEST_WAIT_MS)
        core.show(texts.REQUESTING)

    def granted(self, grant: Grant, raw: bytes, signed_at: int) -> None:
        """A verified grant arrived; ``signed_at`` is the server time that it was signed with."""
        session = self._session
        if grant.request is None and grant.nonce is None:
            # Nothing of ours bounds how old a pushed grant is, so it teaches no time.
            self._shelf.push(grant, raw)
            return
        request = session.request
        if request is None or (grant.request, grant.nonce) != (request.counter, request.nonce):
            self._late(grant)
            return
        session.answered.add((request.counter, grant.grant))
        self._time.learn(signed_at, request.at)
        no = self._guard.gate(grant.frames + _PAGES) or self._shelf.check(grant)
        if no is not None:
            self._give_up(no, grant=grant.grant, use=request.counter)
            return
        session.open(grant, number=request.counter, offline=False)

    def _late(self, grant: Grant) -> None:
        if (grant.request, grant.grant) in self._session.answered:
            return  # the same answer once more, as a network at least once may deliver it
        asked = self._session.asked.get(grant.request or 0)
        if self._shelf.is_burnt(grant.grant):
            self._shelf.tell("grant_used", grant.grant)
        elif asked is not None and asked.nonce == grant.nonce:
            self._shelf.tell("grant_expired", grant.grant, use=asked.counter, text=texts.LATE_GRANT)
        else:
            self._shelf.tell("grant_bad", grant.grant)

    def refused(self, refusal: Refusal) -> None:
        """The server says no to the request."""
        request = self._session.request
        if request is not None and refusal.answers == request.counter:
            self._idle(clean(refusal.text))

    def not_answered(self) -> None:
        """The wait for an answer is over."""
        request = self._session.request
        if request is None:
            return
        if self._shelf.find(request.grant) is not None:
            self._idle("")
            self._offline(request.grant)
        else:
            self._give_up(No("not_answered"), grant=request.grant, use=request.counter)

    def _offline(self, name: str | None) -> None:
        grant = self._shelf.find(name)
        if grant is None:
            used = name is not None and self._shelf.is_burnt(name)
            no = No("grant_used") if used else No("no_grant", texts.OFFLINE_NEEDS_LIST)
            self._refuse(no, grant=name)
            return
        refused = self._shelf.check_offline(grant)
        if refused is None and grant.check != "face_in_sleeve" and grant.pin is None:
            refused = No("grant_bad")  # off line nobody could say who the operator is
        if refused is not None:
            self._refuse(refused, grant=name)
            return
        self._session.open(grant, number=self._core.memory.counter + 1, offline=True)

    def _refuse(self, no: No, *, grant: str | None, use: int = 0) -> None:
        if self._guard.crowded:
            self._core.show(no.text or texts.REFUSALS[no.reason], "refused")
        else:
            self._core.refuse(no.reason, use=use, grant=grant, text=no.text)

    def _give_up(self, no: No, *, grant: str | None, use: int) -> None:
        self._idle("")
        self._refuse(no, grant=grant, use=use)

    def _idle(self, text: str) -> None:
        session = self._session
        session.request = None
        session.phase = Phase.IDLE
        session.deadlines.answer = None
        if text:
            self._core.show(text, "refused")

    def count(self, wish: EnterCount) -> None:
        """The number of stamps wanted: never more than granted."""
        core, session, use = self._core, self._session, self._session.use
        if use is None or session.phase is not Phase.COUNT or wish.count < 1:
            core.show(texts.NOT_IN_ORDER, "refused")
            return
        if wish.count > use.grant.stamps:
            core.refuse(
                "past_count",
                use=use.number,
                grant=use.grant.grant,
                text=texts.too_many(use.grant.stamps),
            )
            return
        core.record(CountEntered(use=use.number, count=wish.count))
        use.count = wish.count
        session.phase = Phase.IDENTIFY
        session.progress()
        grant = use.grant
        core.show(texts.PIN_ONLY if grant.check == "pin" else texts.face_prompt(grant.challenge))

    def finish_early(self, wish: FinishEarly) -> None:
        """The operator stops before the count is reached."""
        session = self._session
        if session.use is None:
            self._core.show(texts.IDLE)
        else:
            session.end("early", wish.note)


def _well_formed(wish: RequestUnlock) -> bool:
    if wish.job is not None:
        return wish.grant is None and _JOB.fullmatch(wish.job) is not None
    return wish.grant is not None and 0 < len(wish.grant) <= _MOST_ID and wish.grant.isprintable()
