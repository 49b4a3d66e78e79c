"""The gateway as one thing that starts, stops and says how it is."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from backend.background import Background
from backend.store.db import Database
from backend.store.journal import Journal
from backend.store.pictures import PictureStore
from gateway.batch import Batch
from gateway.checks import Checks, FaceMatcher
from gateway.downlinks import Downlinks
from gateway.gaps import Gaps
from gateway.identify import Identify
from gateway.inbox import Inbound, Inbox
from gateway.link import Link, LinkSettings
from gateway.pages import PageAnswers
from gateway.pipeline import Pipeline
from gateway.protocol import cose, envelope
from gateway.protocol.messages import Down
from gateway.signing_anew import SignAnew
from gateway.stages.answer import Answer, Publisher
from gateway.stages.authenticate import Authenticate, Keys
from gateway.stages.commit import Commit
from gateway.stages.decide import Decide, Policy
from gateway.uploads import Uploads

GAP_GIVE_UP_MS = 24 * 3_600_000


@dataclass(frozen=True, slots=True)
class Parts:
    """What a gateway needs of the house. ``grant_keys`` are every generation of the grant key, by
    key id; ``grant_key`` signs by the newest."""

    db: Database
    journal: Journal
    pictures: PictureStore
    faces: FaceMatcher
    grant_key: cose.Signer
    grant_keys: Mapping[bytes, cose.PublicKey]
    receipt_key: cose.Signer
    pin_keys: Sequence[X25519PrivateKey]
    open_template: Callable[[bytes, str], bytes]
    now: Callable[[], int]
    random: Callable[[int], bytes]
    policy: Policy = field(default_factory=Policy)
    gap_give_up_ms: int = GAP_GIVE_UP_MS
    committed: Callable[[], None] = lambda: None


class Gateway:
    """Sleeves ⇄ us. Threads: the broker's network loop, the pipeline, the background."""

    def __init__(
        self,
        parts: Parts,
        link: Publisher,
        inbox: Inbox,
        acknowledge: Callable[[Sequence[Inbound]], None],
    ) -> None:
        self._inbox = inbox
        self._committed = parts.committed

        def sign(device: str, body: Down, now: int) -> bytes:
            return envelope.seal_down(body, parts.grant_key, device=device, time=now)

        self.checks = Checks(
            db=parts.db,
            journal=parts.journal,
            identify=Identify(
                db=parts.db,
                faces=parts.faces,
                read_picture=parts.pictures.get,
                open_template=parts.open_template,
                pin_keys=parts.pin_keys,
                now=parts.now,
            ),
            sign=sign,
            publisher=link,
            now=parts.now,
            give_up_ms=parts.gap_give_up_ms,
        )
        self.uploads = Uploads(
            db=parts.db,
            store=parts.pictures,
            release=self.checks.release,
            sign=sign,
            publisher=link,
            now=parts.now,
        )
        self.downlinks = Downlinks(
            parts.db, link, SignAnew(parts.grant_key, parts.grant_keys), parts.now
        )
        self.pages = PageAnswers(parts.db, link, sign, parts.now)
        self.pipeline = Pipeline(
            db=parts.db,
            inbox=inbox,
            authenticate=Authenticate(Keys(parts.db)),
            decide=Decide(parts.policy),
            commit=Commit(parts.journal, parts.random, sign),
            answer=Answer(link, parts.grant_key, parts.receipt_key, parts.now, time.monotonic),
            acknowledge=acknowledge,
            now=parts.now,
            after=self._after,
        )
        self.gaps = Gaps(parts.db, parts.now, parts.gap_give_up_ms, self.pipeline.apply)
        self.background = Background(
            "gateway-background",
            [
                self.uploads.tick,
                self._check,
                self.pages.tick,
                self.downlinks.tick,
                self.gaps.tick,
            ],
        )
        self._pipeline_thread = threading.Thread(
            target=self.pipeline.run, name="gateway-pipeline", daemon=True
        )

    def start(self) -> None:
        """Start the pipeline's and the background's thread."""
        self.uploads.find_left_over()
        self._pipeline_thread.start()
        self.background.start()

    def stop(self) -> None:
        """Finish what is in hand and stop."""
        self.pipeline.stop()
        self.background.stop()
        if self._pipeline_thread.is_alive():
            self._pipeline_thread.join(timeout=10)

    @property
    def alive(self) -> bool:
        """Whether both threads run; without them messages wait at the broker."""
        return self._pipeline_thread.is_alive() and self.background.alive

    @property
    def idle(self) -> bool:
        """Nothing waits, nothing runs: every message taken is committed and answered."""
        return (
            self._inbox.idle
            and not self.pipeline.owes
            and self.uploads.idle
            and self.background.idle
            and self.checks.idle
            and self.pages.idle
        )

    def _after(self, batch: Batch) -> None:
        if batch.full_pictures:
            self.uploads.add(batch.full_pictures)
        if batch.full_pictures or batch.jobs or batch.states:
            self.background.wake()
        if batch.records:
            self._committed()

    def wake(self) -> None:
        """Somebody else wrote what a sleeve waits for."""
        self.background.wake()

    def _check(self) -> bool:
        worked = self.checks.tick()
        if worked:
            self._committed()
        return worked


def connect(parts: Parts, settings: LinkSettings) -> tuple[Gateway, Link]:
    """A gateway on a broker. Start the gateway first, then the link; stop in reverse."""
    inbox = Inbox()
    link = Link(settings, inbox.put, inbox.forget)
    return Gateway(parts, link, inbox, link.acknowledge), link
