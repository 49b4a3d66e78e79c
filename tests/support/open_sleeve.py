"""The office's sleeves, signing for real, on a gateway over the same database: what a person does
over HTTP and what a sleeve says meet in one journal."""

from __future__ import annotations

from backend.store.tables import device_key as _keys
from gateway.protocol.messages import (
    CountEntered,
    GrantBurnt,
    Position,
    Stamped,
    UnlockRequest,
    UseFinished,
)
from tests.support.gateway_world import FakeSleeve, GatewayWorld, Line
from tests.support.office import Office


class OpenSleeve:
    """One sleeve of an office, and the gateway that hears it."""

    def __init__(self, office: Office, kind: str = "committee") -> None:
        world = office.world
        self.gateway = GatewayWorld(world.db, world.ring)
        self.gateway.clock, self.gateway.log = world.clock, world.log
        self.gateway.journal = world.context.journal
        signer = self.gateway.signer()
        name = office.sleeves[kind]
        with world.db.write() as conn:
            conn.execute(_keys.insert(), GatewayWorld.key_row(name, signer))
        self.sleeve = FakeSleeve(name, signer, world.clock)
        self.line: Line = self.gateway.line()

    def unlock(self, job: str, position: Position | None = None) -> int:
        """Ask by the job's code and burn the grant that is answered; the number of the use.

        Raises:
            AssertionError: when it was refused; with the verdict.
        """
        sleeve = self.sleeve
        body = UnlockRequest(nonce=bytes(16), job=job, position=position)
        self.line.take(sleeve.say(body))
        verdict = self.gateway.verdict(sleeve)
        assert "granted" in verdict, verdict
        use = sleeve.counter
        grant = self.gateway.records("event.unlock_request")[-1].grant_id
        assert grant is not None
        self.line.take(sleeve.say(GrantBurnt(grant=grant, use=use)))
        return use

    def refused(self, job: str, position: Position | None = None) -> str:
        """Ask, and be refused: why."""
        body = UnlockRequest(nonce=bytes(16), job=job, position=position)
        self.line.take(self.sleeve.say(body))
        return str(self.gateway.verdict(self.sleeve)["refused"])

    def stamp(self, use: int, presses: int) -> None:
        """So many stamps, then locked again."""
        sleeve = self.sleeve
        self.line.take(sleeve.say(CountEntered(use=use, count=presses)))
        for press in range(1, presses + 1):
            sleeve.total += 1
            body = Stamped(use=use, press=press, total=sleeve.total, contact_ms=300)
            self.line.take(sleeve.say(body))
        self.line.take(sleeve.say(UseFinished(use=use, presses=presses, reason="done")))
