"""Orders of the server that outlast a use, and the sleeve's own key."""

from __future__ import annotations

from gateway.protocol import envelope
from gateway.protocol.messages import (
    Config,
    ConfigApplied,
    KeyRotated,
    Keys,
    KeysApplied,
    Lock,
    LockChanged,
)
from seal_firmware_sim import texts
from seal_firmware_sim.core import Core, clean
from seal_firmware_sim.identity import make_signer, new_secret
from seal_firmware_sim.session import Session
from seal_firmware_sim.state import ConfigEntry, KeyEntry, LockEntry, ServerKeysEntry


class Orders:
    """Remote lock, configuration, key rotation: each only ever moves forward."""

    def __init__(self, core: Core, session: Session) -> None:
        self._core = core
        self._session = session

    def load(self) -> None:
        """Put in force what flash kept."""
        kept = self._core.memory.config
        if kept is not None:
            self._session.configure(envelope.convert(kept.values, Config))

    def lock(self, order: Lock) -> None:
        """Lock or unlock the sleeve from afar; an open use ends."""
        core = self._core
        if order.order <= core.memory.lock.order:
            return
        core.note(LockEntry(order.order, order.locked, clean(order.text)))
        core.record(LockChanged(order=order.order, locked=order.locked))
        if order.locked:
            text = clean(order.text) or texts.LOCKED
            core.show(text, "alarm")
            self._session.end("stopped", "remote_lock", text)
        else:
            core.show(texts.UNLOCKED)

    def configure(self, config: Config) -> None:
        """Put new settings in force."""
        core, kept = self._core, self._core.memory.config
        if kept is not None and config.revision <= kept.revision:
            return
        core.note(ConfigEntry(config.revision, envelope.plain(config)))
        core.record(ConfigApplied(revision=config.revision))
        self._session.configure(config)

    def believe(self, keys: Keys) -> None:
        """Believe the server's new keys, and no others; the list and the event that says so reach
        flash in one frame."""
        core = self._core
        if core.trust.take(keys):
            core.note(ServerKeysEntry(keys.serial, envelope.plain(keys)))
            core.record(KeysApplied(serial=keys.serial))

    def rotate_key(self) -> None:
        """Make a new key. The old one signs the event that names the new; both reach flash in one
        frame, so no power cut can leave a chain that nobody can go on with."""
        core = self._core
        alg = core.signer.public.alg
        secret = new_secret(alg, core.entropy)
        signer = make_signer(alg, secret)
        counter = core.record(KeyRotated(alg=alg, public=signer.public.raw))
        core.note(KeyEntry(alg, secret, counter))
        core.use_key(signer)
        core.show(texts.KEY_ROTATED, "ok")
