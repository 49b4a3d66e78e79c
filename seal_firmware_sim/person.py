"""Who presses: a face burst, or PIN and witness; checked by the server or, off line, here."""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import Final

from gateway.protocol import pictures
from gateway.protocol.errors import ProtocolError
from gateway.protocol.limits import MAX_BURST
from gateway.protocol.messages import FaceCaptured, PinCheck, PinEntered, Proceed, Refusal
from seal_firmware_sim import texts
from seal_firmware_sim.core import Core, clean
from seal_firmware_sim.effects import TakeFaces
from seal_firmware_sim.guard import Guard
from seal_firmware_sim.inputs import EnterPin, FacesTaken
from seal_firmware_sim.session import Phase, Session, Use
from seal_firmware_sim.timekeeping import Timekeeper
from seal_firmware_sim.uploads import Uploads

CHECK_WAIT_MS: Final = 30_000
"""How long the sleeve waits for the verdict on a face or a PIN."""

_PIN: Final = re.compile(r"[0-9]{4,12}")


class PersonCheck:
    """Leads from an entered count to a sleeve that may press."""

    def __init__(
        self, core: Core, time: Timekeeper, session: Session, guard: Guard, uploads: Uploads
    ) -> None:
        self._core = core
        self._time = time
        self._session = session
        self._guard = guard
        self._uploads = uploads

    def present_face(self) -> None:
        """Take a burst of the operator's face."""
        core, session, use = self._core, self._session, self._session.use
        if use is None or session.phase is not Phase.IDENTIFY:
            core.show(texts.NOT_IN_ORDER, "refused")
            return
        grant = use.grant
        if grant.check == "pin":
            core.show(texts.PIN_ONLY, "refused")
            return
        if use.faces >= session.config.face_attempts:
            self._no_more(use)
            return
        session.phase = Phase.CAPTURING
        session.progress()
        people = (grant.operator, *grant.alternates) if grant.check == "face_in_sleeve" else ()
        core.act(TakeFaces(use.number, use.faces + 1, grant.frames, grant.challenge, people))

    def faces_taken(self, report: FacesTaken) -> None:
        """The burst: keep it, record it, and have it checked."""
        core, session, use = self._core, self._session, self._session.use
        if use is None or session.phase is not Phase.CAPTURING or report.use != use.number:
            return
        session.phase = Phase.IDENTIFY
        sealed = None
        if report.pictures:
            try:
                sealed = core.seal_pictures(report.pictures[:MAX_BURST])
            except ProtocolError as error:
                report = FacesTaken(use.number, report.attempt, (), error.reason.value)
        if sealed is None:
            use.burst_failed = True
            if report.pictures:
                core.refuse("flash_full", use=use.number)
            else:
                core.fault("camera", detail=report.failure)
                core.refuse("no_picture", use=use.number)
            return
        core.fault("camera", cleared=True)
        refs = [one.ref for one in sealed]
        self._guard.saw_picture(max(ref.size for ref in refs))
        use.faces += 1
        use.burst_kept = True
        counter = core.record(
            FaceCaptured(
                use=use.number,
                attempt=use.faces,
                pictures=refs,
                challenge=use.grant.challenge,
                matched=report.matched,
            ),
            sealed,
        )
        if report.matched is not None:
            self._verdict(use, report.matched, texts.RETRY_FACE, use.faces)
        elif self._alone(use):
            core.show(texts.ENTER_PIN)
        else:
            self._uploads.await_(ref.commit for ref in refs)
            session.wait(Phase.CHECKING, counter, CHECK_WAIT_MS)
            core.show(texts.CHECKING)

    def pin(self, entry: EnterPin) -> None:
        """The non-face path: the operator's PIN, and a second person as witness."""
        core, session, use = self._core, self._session, self._session.use
        if use is None or session.phase is not Phase.IDENTIFY:
            core.show(texts.NOT_IN_ORDER, "refused")
            return
        grant, alone = use.grant, self._alone(use)
        witness = clean(entry.witness)[:64]
        complaint = ""
        if not (witness and _PIN.fullmatch(entry.pin) and _PIN.fullmatch(entry.witness_pin)):
            complaint = texts.PIN_FORM
        elif witness in (grant.operator, *grant.alternates):
            complaint = texts.WITNESS_SELF
        elif alone and grant.check != "pin" and not _burst_done(use):
            complaint = texts.FACE_FIRST
        elif not (alone or grant.check == "pin" or grant.pin_allowed):
            complaint = texts.NO_PIN
        if complaint:
            core.show(complaint, "refused")
            return
        if use.pins >= session.config.face_attempts:
            self._no_more(use)
            return
        session.progress()
        use.pins += 1
        checked = _matches(entry.pin, grant.pin) if alone else None
        sealed = pictures.seal_pins(
            entry.pin,
            entry.witness_pin,
            device=core.device,
            use=use.number,
            server_key=core.trust.picture,
        )
        counter = core.record(
            PinEntered(
                use=use.number,
                attempt=use.pins,
                witness=witness,
                sealed=sealed,
                checked=checked,
            )
        )
        if checked is None:
            session.wait(Phase.CHECKING, counter, CHECK_WAIT_MS)
            core.show(texts.CHECKING)
            return
        if not checked:
            core.refuse("pin_wrong", use=use.number)
        self._verdict(use, checked, texts.REFUSALS["pin_wrong"], use.pins)

    def refused(self, refusal: Refusal) -> None:
        """The server says no to the person."""
        session, use = self._session, self._session.use
        if session.phase is not Phase.CHECKING or use is None or use.answer_to != refusal.answers:
            return
        if refusal.retry:
            self._again(use, clean(refusal.text), max(use.faces, use.pins))
        else:
            session.end("refused", refusal.reason, clean(refusal.text))

    def not_answered(self) -> None:
        """No verdict came in time: the operator may try again."""
        session, use = self._session, self._session.use
        if use is not None and session.phase is Phase.CHECKING:
            session.phase = Phase.IDENTIFY
            session.deadlines.answer = None
            self._core.refuse("not_answered", use=use.number)

    def proceed(self, message: Proceed) -> None:
        """The server says that the person is the right one."""
        session, use = self._session, self._session.use
        if (
            use is not None
            and session.phase is Phase.CHECKING
            and message.press == 0
            and (message.use, message.answers) == (use.number, use.answer_to)
        ):
            self._ready(use)

    def _alone(self, use: Use) -> bool:
        """Whether the sleeve must decide by itself: off line, where the grant allows that."""
        if use.offline:
            return True
        if self._core.connected or not use.grant.offline:
            return False
        age = self._time.age
        return age is not None and age <= use.grant.max_clock_age

    def _verdict(self, use: Use, good: bool, text: str, tries: int) -> None:
        if good:
            self._ready(use)
        else:
            self._again(use, text, tries)

    def _again(self, use: Use, text: str, tries: int) -> None:
        session = self._session
        session.phase = Phase.IDENTIFY
        session.deadlines.answer = None
        if tries >= session.config.face_attempts:
            self._too_many(use)
        else:
            self._core.show(text, "refused")

    def _no_more(self, use: Use) -> None:
        # Off line a burst has no verdict, so more of them settle nothing; the PIN does.
        if self._alone(use) and use.pins < self._session.config.face_attempts:
            self._core.show(texts.ENTER_PIN)
        else:
            self._too_many(use)

    def _too_many(self, use: Use) -> None:
        self._core.refuse("too_many_attempts", use=use.number)
        self._session.end("refused", "too_many_attempts", texts.REFUSALS["too_many_attempts"])

    def _ready(self, use: Use) -> None:
        session = self._session
        session.phase = Phase.READY
        session.deadlines.answer = None
        session.progress()
        self._core.show(texts.ready(use.presses + 1, use.count))


def _burst_done(use: Use) -> bool:
    # Off line the burst is what the server checks later; only where the grant takes a PIN alone
    # may a broken camera be passed by.
    return use.burst_kept or (use.burst_failed and use.grant.pin_allowed)


def _matches(pin: str, check: PinCheck | None) -> bool:
    if check is None:
        return False
    digest = hashlib.pbkdf2_hmac("sha256", pin.encode(), check.salt, check.rounds)
    return hmac.compare_digest(digest, check.digest)
