"""A press of “盖章”: picture, authority, intent in flash, drop, locked again, picture.

The only place that moves the motor is :meth:`Presses._release`.
"""

from __future__ import annotations

from typing import Final

from gateway.protocol.errors import ProtocolError
from gateway.protocol.messages import PageCaptured, PictureRef, Proceed, Refusal, Stamped
from seal_firmware_sim import texts
from seal_firmware_sim.core import Core, clean
from seal_firmware_sim.effects import Actuate, TakePage
from seal_firmware_sim.grants import No, Shelf
from seal_firmware_sim.guard import Guard
from seal_firmware_sim.inputs import LimitSwitch, MotorMoved, PageTaken, SealDropped
from seal_firmware_sim.session import Phase, Session, Use
from seal_firmware_sim.state import DropEntry, UseEntry
from seal_firmware_sim.uploads import Uploads

PAGE_WAIT_MS: Final = 30_000
"""How long a press waits for the verdict on its page."""

_PAGES: Final = 2


class Presses:
    """Leads from a sleeve that may press to one that is locked again."""

    def __init__(
        self, core: Core, shelf: Shelf, session: Session, guard: Guard, uploads: Uploads
    ) -> None:
        self._core = core
        self._shelf = shelf
        self._session = session
        self._guard = guard
        self._uploads = uploads
        self._down = False

    def release_button(self) -> None:
        """The button came up."""
        self._down = False

    def press(self) -> None:
        """The button went down; held down, it is one press."""
        held, self._down = self._down, True
        if held:
            return
        core, session, use = self._core, self._session, self._session.use
        if use is None:
            self._without_use()
            return
        if session.phase is not Phase.READY:
            core.show(texts.NOT_IN_ORDER, "refused")
            return
        no = self._forbidden(use) or self._guard.gate(_PAGES)
        if no is not None:
            self._refuse(use, no)
            return
        session.phase = Phase.BEFORE
        session.progress()
        core.act(TakePage(use.number, use.presses + 1, "before"))
        core.show(texts.WORKING)

    def page_taken(self, report: PageTaken) -> None:
        """A picture of the page, before or after."""
        use, phase = self._session.use, self._session.phase
        if use is None or (report.use, report.press) != (use.number, self._at(use, phase)):
            return
        if report.stage == "before" and phase is Phase.BEFORE:
            self._before(use, report)
        elif report.stage == "after" and phase is Phase.AFTER:
            self._after(use, report)

    def proceed(self, message: Proceed) -> None:
        """The page is the approved one."""
        session, use = self._session, self._session.use
        if (
            use is not None
            and session.phase is Phase.PAGE_CHECKING
            and (message.use, message.answers) == (use.number, use.answer_to)
            and message.press == use.presses + 1
        ):
            self._release(use)

    def refused(self, refusal: Refusal) -> None:
        """The page is not the approved one."""
        session, use = self._session, self._session.use
        if (
            use is None
            or session.phase is not Phase.PAGE_CHECKING
            or use.answer_to != refusal.answers
        ):
            return
        if refusal.retry:
            self._ready()
            self._core.show(clean(refusal.text), "refused")
        else:
            session.end("refused", refusal.reason, clean(refusal.text))

    def not_answered(self) -> None:
        """No verdict on the page came in time: no stamp."""
        use = self._session.use
        if use is not None and self._session.phase is Phase.PAGE_CHECKING:
            self._ready()
            self._core.refuse("not_answered", use=use.number)

    # ── hardware ─────────────────────────────────────────────────────────────────────────────────

    def motor(self, report: MotorMoved) -> None:
        """The motor moved: expected while pressing, and while it bolts the seal."""
        session = self._session
        if session.phase is not Phase.PRESSING and self._core.moment.mono >= session.still_from:
            self._guard.motion(report)

    def dropped(self, report: SealDropped) -> None:
        """The seal went down and up."""
        use = self._session.use
        if use is None or self._session.phase is not Phase.PRESSING or use.dropped:
            self._guard.forced(report)
            return
        use.dropped = True
        self._stamped(use, report)

    def limit(self, report: LimitSwitch) -> None:
        """The limit switch: opens when the seal leaves, closes when it is in again."""
        core, session, use = self._core, self._session, self._session.use
        if use is None or session.phase is not Phase.PRESSING:
            self._guard.motion(report)
            return
        if not report.closed:
            return
        core.fault("not_closed", cleared=True)
        core.fault("jam", cleared=True)
        if not use.dropped:
            # Pressed, yet the seal touched nothing: it counts, and says that there was no contact.
            self._stamped(use, SealDropped(0, 0, core.memory.total))
        session.phase = Phase.AFTER
        session.deadlines.close = None
        core.act(TakePage(use.number, use.presses, "after"))

    def jammed(self) -> None:
        """The motor runs against a resistance."""
        session, use = self._session, self._session.use
        self._core.fault("jam")
        if use is not None:
            if session.phase is Phase.PRESSING and not use.dropped:
                session.finish("fault", "jam", texts.FAULTS["jam"])
            else:
                session.end("fault", "jam", texts.FAULTS["jam"])

    def not_closed(self) -> None:
        """The seal is not back within the time allowed."""
        session, use = self._session, self._session.use
        session.deadlines.close = None
        self._core.fault("not_closed")
        if use is not None and use.stop is not None:
            session.finish(*use.stop)

    # ── inside ───────────────────────────────────────────────────────────────────────────────────

    def _at(self, use: Use, phase: Phase) -> int:
        return use.presses if phase is Phase.AFTER else use.presses + 1

    def _without_use(self) -> None:
        core, last = self._core, self._session.last_done
        if self._guard.crowded:
            core.show(texts.REFUSALS["no_grant"], "refused")
        elif last:
            core.refuse("past_count", use=last)
        else:
            core.refuse("no_grant")

    def _forbidden(self, use: Use) -> No | None:
        """Promise 1, asked before each press and again before the motor: is there authority?"""
        if not self._shelf.is_burnt(use.grant.grant):
            return No("no_grant")
        if use.presses >= min(use.count, use.grant.stamps):
            return No("past_count")
        return self._shelf.window(use.grant)

    def _refuse(self, use: Use, no: No) -> None:
        self._core.refuse(no.reason, use=use.number, grant=use.grant.grant, text=no.text)
        if no.reason in ("grant_expired", "past_count", "no_grant"):
            self._session.end("refused", no.reason)
        elif self._session.phase is not Phase.READY:
            self._ready()

    def _ready(self) -> None:
        self._session.phase = Phase.READY
        self._session.deadlines.answer = None

    def _captured(self, use: Use, report: PageTaken) -> tuple[int, PictureRef | None, str]:
        core = self._core
        core.fault("camera", cleared=report.picture is not None, detail=report.failure)
        sealed, failure = None, clean(report.failure) or "camera"
        if report.picture is not None:
            try:
                sealed, failure = core.seal_pictures([report.picture]), "flash_full"
            except ProtocolError as error:
                failure = error.reason.value
        ref = sealed[0].ref if sealed else None
        counter = core.record(
            PageCaptured(
                use=use.number,
                stage=report.stage,
                press=report.press,
                picture=ref,
                failure="" if ref else failure,
            ),
            sealed or (),
        )
        if ref is not None:
            self._guard.saw_picture(ref.size)
        return counter, ref, failure

    def _before(self, use: Use, report: PageTaken) -> None:
        session = self._session
        counter, ref, failure = self._captured(use, report)
        if ref is None:
            self._ready()
            full = failure == "flash_full"
            self._core.refuse("flash_full" if full else "no_picture", use=use.number)
            return
        if use.grant.wait_for_page:
            self._uploads.await_([ref.commit])
            session.wait(Phase.PAGE_CHECKING, counter, PAGE_WAIT_MS)
            self._core.show(texts.PAGE_CHECKING)
            return
        self._release(use)

    def _release(self, use: Use) -> None:
        core, session = self._core, self._session
        no = self._forbidden(use)
        if no is not None:
            self._refuse(use, no)
            return
        core.note(UseEntry(use.number, use.grant.grant, use.presses, use.presses + 1))
        use.dropped = False
        session.phase = Phase.PRESSING
        session.deadlines.answer = None
        session.deadlines.close = core.moment.mono + session.config.close_timeout_ms
        core.act(Actuate("release", use.presses + 1))

    def _stamped(self, use: Use, report: SealDropped) -> None:
        core = self._core
        use.presses += 1
        core.record(
            Stamped(
                use=use.number,
                press=use.presses,
                total=report.total,
                contact_ms=report.contact_ms,
                contacts=report.contacts,
                position=core.position,
            )
        )
        core.note(DropEntry(report.total))
        core.note(UseEntry(use.number, use.grant.grant, use.presses))
        self._session.progress()

    def _after(self, use: Use, report: PageTaken) -> None:
        session = self._session
        self._captured(use, report)
        if use.stop is not None:
            session.finish(*use.stop)
        elif use.presses >= use.count:
            session.finish("done")
        else:
            self._ready()
            self._core.show(texts.ready(use.presses + 1, use.count))
