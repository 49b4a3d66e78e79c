"""The one place where parts are put together. Everything else is handed what it needs."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

from backend.ledger.log import Log
from backend.services.context import GrantSigner, ServiceContext, ServiceSettings
from backend.services.eyes import Eyes, EyesSettings
from backend.services.holidays import published
from backend.store.db import Database
from backend.store.journal import Journal
from backend.store.keyring import KeyRing
from backend.store.pictures import PictureStore
from backend.vision.faces import FaceSettings, FaceVerifier, Thresholds
from backend.vision.workers.desk import Desk
from backend.vision.workers.worker import WorkerLimits
from gateway.broker.mosquitto import GATEWAY_USER, Listener
from gateway.faces import VerifierMatcher
from gateway.link import LinkSettings
from gateway.protocol import envelope
from gateway.protocol.messages import Down
from gateway.service import Parts
from gateway.stages.decide import Policy
from zhiyin.running.eyes import EyesPart
from zhiyin.settings import Settings
from zhiyin.wall import wall_clock as wall_clock

Clock = Callable[[], int]


@dataclass(frozen=True, slots=True)
class House:
    """What every part shares. ``now`` is the demo's clock in a demo, the wall's elsewhere."""

    settings: Settings
    db: Database
    log: Log
    journal: Journal
    keys: KeyRing
    pictures: PictureStore
    faces: VerifierMatcher
    services: ServiceContext
    now: Clock
    random: Callable[[int], bytes]

    def close(self) -> None:
        """Let go of the database."""
        self.db.dispose()


def build(
    settings: Settings,
    *,
    now: Clock = wall_clock,
    random: Callable[[int], bytes] = os.urandom,
) -> House:
    """The house of an installation that ``zhiyin init`` made.

    Raises:
        KeyRingError: when its keys are missing, open to others or damaged.
    """
    db = Database(settings.database_url(), pool_size=settings.database.pool_size)
    log = Log(settings.log_origin)
    keys = KeyRing.load(settings.keys_path())
    journal = Journal(log, random)
    return House(
        settings=settings,
        db=db,
        log=log,
        journal=journal,
        keys=keys,
        pictures=PictureStore(keys, random=random),
        faces=VerifierMatcher(lambda: face_verifier(settings)),
        services=ServiceContext(
            db=db,
            journal=journal,
            now=now,
            random=random,
            holidays=published,
            sign_down=sign_down(keys),
            settings=ServiceSettings(),
        ),
        now=now,
        random=random,
    )


def sign_down(keys: KeyRing) -> GrantSigner:
    """Signs what is said to sleeves. The key is read with the first signature, so that a part
    without it can do all else."""

    def sign(body: Down, *, device: str, time: int) -> bytes:
        return envelope.seal_down(body, keys.grant, device=device, time=time)

    return sign


def face_verifier(settings: Settings) -> FaceVerifier:
    """The face comparison that the settings ask for."""
    from backend.vision.faces import dlib_engine, models
    from backend.vision.faces.yunet_sface import YunetSface

    wanted = settings.faces
    sface = Thresholds(accept=wanted.accept, doubtful=wanted.doubtful, identify=wanted.identify)
    # dlib speaks of distances; the engine turns them into similarities.
    likeness = 1.0 - wanted.dlib_distance
    dlib = Thresholds(accept=likeness, doubtful=likeness - 0.10, identify=min(1.0, likeness + 0.05))
    thresholds = {
        (YunetSface.name, YunetSface.model_sha256): sface,
        (dlib_engine.DlibEngine.name, models.DLIB_RESNET.sha256): dlib,
    }
    chosen = FaceSettings(thresholds=thresholds)
    if wanted.engine == "dlib":
        return FaceVerifier(dlib_engine.load(), chosen)
    return FaceVerifier(
        YunetSface(), chosen, second=dlib_engine.load if wanted.second_opinion else None
    )


def eyes_desk(house: House) -> Desk:
    """A worker for whoever waits for its answer before a page."""
    return Desk(_worker_limits(house))


def _worker_limits(house: House) -> WorkerLimits:
    wanted = house.settings.eyes
    return WorkerLimits(memory_mb=wanted.memory_mb, timeout_s=wanted.timeout_seconds)


def eyes_part(
    house: House,
    seen: Callable[[], None],
    concerned: Callable[[str | None], bool] = lambda _application: True,
) -> EyesPart:
    """Who looks at papers and imprints. ``seen`` is called after each look; ``concerned``: see
    :class:`backend.services.eyes.Eyes`."""
    return EyesPart(
        Eyes(
            house.services,
            house.pictures,
            EyesSettings(most=house.settings.eyes.queue_most),
            concerned,
        ),
        workers=house.settings.eyes.workers,
        limits=_worker_limits(house),
        seen=seen,
    )


def gateway_parts(house: House, committed: Callable[[], None]) -> Parts:
    """What the gateway needs of the house. ``committed`` is called after each batch of records."""
    return Parts(
        db=house.db,
        journal=house.journal,
        pictures=house.pictures,
        faces=house.faces,
        grant_key=house.keys.grant,
        grant_keys=house.keys.grant_keys,
        receipt_key=house.keys.receipt,
        pin_keys=house.keys.picture_wire_all,
        open_template=house.keys.open_template,
        now=house.now,
        random=house.random,
        policy=Policy(eyes=house.settings.eyes.enabled),
        committed=committed,
    )


def link_settings(
    settings: Settings, *, name: str = "gateway", password: str | None = None
) -> LinkSettings:
    """How the gateway ``name`` reaches its broker. ``password`` is the embedded one's, made at its
    start."""
    mqtt = settings.mqtt
    secret = settings.mqtt_password()
    return LinkSettings(
        host=mqtt.host,
        port=mqtt.port,
        client_id=f"zhiyin-{name}",
        username=mqtt.username or GATEWAY_USER,
        password=password or (secret.get_secret_value() if secret else None),
        ca_file=mqtt.ca_file,
        cert_file=mqtt.cert_file,
        key_file=mqtt.key_file,
        shared_group=mqtt.shared_group,
    )


def sleeves_listener(settings: Settings) -> Listener | None:
    """Where our own broker listens for sleeves beyond this machine, if it does."""
    broker = settings.broker
    if broker.host is None:
        return None
    return Listener(broker.host, broker.port, broker.tls_cert_file, broker.tls_key_file)
