"""A town at work for the pages: villages with seals in their sleeves, people who can sign in, a day
of uses with pictures, alerts and notices, everything on record; and the application over it."""

from __future__ import annotations

import io
import random
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, Self

from fastapi import FastAPI
from PIL import Image, ImageDraw
from sqlalchemy import Connection, insert, update

from alerts import messages
from alerts.cases import Cases
from alerts.channels.push_crypto import encode, private_key, public_bytes
from alerts.inbox import TrialMessages
from alerts.preferences import Preferences
from alerts.rules.registry import BREAKTHROUGH, CODES
from alerts.settings import AlertSettings
from alerts.wording import Namer
from backend.api.app import create_app
from backend.api.deps import Services
from backend.api.settings import ApiSettings
from backend.domain.actor import Actor, Role, RoleHeld
from backend.domain.application import DocumentKind
from backend.domain.record import Record
from backend.reports.pdf import Typesetter
from backend.services.application_drafts import ApplicationForm, DraftService
from backend.services.application_reader import ApplicationReader
from backend.services.applications import ApplicationService
from backend.services.calendar_days import CalendarDayService
from backend.services.context import ServiceContext
from backend.services.credentials import CredentialService
from backend.services.device_orders import DeviceOrderService
from backend.services.device_views import DeviceViewService
from backend.services.devices import DeviceService
from backend.services.faces import FaceService
from backend.services.identity import IdentityService
from backend.services.imports import ImportService
from backend.services.imprints import ImprintService
from backend.services.matters import MatterService
from backend.services.notice_rules import NoticeDefaults, NoticeRuleService
from backend.services.organisations import OrganisationService
from backend.services.people import PeopleService
from backend.services.pictures import PictureService
from backend.services.public_register import PublicRegisterService
from backend.services.register import RegisterService
from backend.services.roles import RoleService
from backend.services.seals import SealService
from backend.services.second_opinions import SecondOpinionService
from backend.services.signing_keys import SigningKeyService
from backend.services.use_proofs import UseProofService
from backend.services.views import ApplicationView
from backend.store.pictures import PictureStore
from backend.store.tables import (
    alert,
    delivery,
    device,
    inbox_notice,
    organisation,
    picture,
    seal,
    seal_use,
    use_grant,
)
from backend.vision.imprints.template import ENGINE, ImprintTemplate
from backend.vision.imprints.unroll import DIRECTIONS, DISTANCES
from backend.vision.workers.wire import ImprintEnrolled, Result, Task
from backend.web import errors, mount
from backend.web.assets import BUNDLED_FONTS
from backend.web.ports import Web
from tests.support.api import QUICK
from tests.support.fake_faces import AnyFace
from tests.support.office import HOUR, MORNING
from tests.support.prepared import contents, sqlite_file
from tests.support.world import DISTRICT, OTHER_VILLAGE, START, TOWN, VILLAGE, World, org_id
from zhiyin.wiring_notices import Notices

PUSH_KEY: Final = encode(public_bytes(private_key(encode(bytes(range(1, 33))))))
PASSWORD: Final = "yinzhang-2026"
MINUTE: Final = 60_000
SEALS: Final = {"party": "党总支章", "committee": "村民委员会章", "cooperative": "经联社章"}
_MORE_VILLAGES: Final = ("竹溪村", "前坞村", "稻香村", "石埠村", "东篱村", "青禾村")


@cache
def _password_hash() -> str:
    return QUICK.hash(PASSWORD)


class Words:
    """The real sentences, as the wiring hands them to the pages."""

    def __init__(self, world: World) -> None:
        self._world = world

    def alerts(
        self, conn: Connection, rows: Sequence[Mapping[str, Any]], locale: str
    ) -> list[tuple[str, list[str]]]:
        """Titles and lines."""
        namer = Namer(conn, self._world.clock())
        return [messages.render(row["code"], namer.alert(row), locale) for row in rows]

    def notice(self, kind: str, message: Mapping[str, Any], locale: str) -> tuple[str, list[str]]:
        """Title and lines."""
        return messages.render(kind, message.get("fields", message), locale)


@dataclass(frozen=True, slots=True)
class Day:
    """What the day left behind."""

    finished: str
    running: str
    using: str
    cheated: str
    alert: str
    waiting: str
    granted: str
    draft: str
    page: str
    """Of the draft: its first paper."""
    applicant: str
    operator: str


@dataclass(frozen=True, slots=True)
class Kept:
    """What there is of a town beside its database."""

    time: int
    dice: tuple[Any, ...]
    people: Mapping[str, Actor]
    logins: Mapping[str, str]
    seals: Mapping[str, str]
    day: Day


@dataclass(frozen=True, slots=True)
class WebWorld:
    """The town and its application."""

    world: World
    app: FastAPI
    web: Web
    people: Mapping[str, Actor]
    logins: Mapping[str, str]
    seals: Mapping[str, str]
    day: Day

    @classmethod
    def create(
        cls, url: str, folder: Path, *, review_reason: str | None = None, https: bool = False
    ) -> Self:
        """The town at the end of its day. On SQLite that is a copy of one that was built once;
        elsewhere building it takes a second or so."""
        file = sqlite_file(url)
        if file is None or file.exists():
            world = World.create(url, folder)
            kept = _built(world)
        else:
            data, kept = _town()
            file.write_bytes(data)
            world = World.open(url, folder)
        world.clock.time = kept.time
        world.random.setstate(kept.dice)
        store = PictureStore(world.ring)
        found = services(world, store)
        web = mount.assemble(
            found,
            wall=world.clock,
            alert_words=Words(world),
            case_desk=Cases(world.context, AlertSettings(), store),
            notice_desk=_notices(world.context),
            review_reason=review_reason,
        )
        found.add(web)
        return cls(
            world,
            application(found, https=https),
            web,
            kept.people,
            kept.logins,
            kept.seals,
            kept.day,
        )

    def close(self) -> None:
        """Let go of the database."""
        self.world.close()

    def submit(self, title: str, stamps: int = 1) -> str:
        """One more application that waits for the approver; its id."""
        return _Builder.of(self)._submitted(title, stamps).row.id

    def stamp(self, application_id: str) -> str:
        """An approved application is stamped as the gateway would record it; the use's id."""
        view = self.web.reader.get(self.people["approver"], application_id)
        builder = _Builder.of(self)
        return builder._session(view, pressed=view.row.stamps, done=True, seed=3)

    def use(self, village: str) -> str:
        """One more use (stamped without a grant), as the gateway would record it; its id."""
        return _Builder.of(self).stamped_without_grant(village)


NOTICE_DEFAULTS: Final = NoticeDefaults(
    CODES, BREAKTHROUGH, ("dingtalk_person", "sms", "web_push"), AlertSettings().escalation
)


def _imprint(_task: Task) -> Result:
    """A stand-in for the eyes: what they make of a good picture of an imprint."""
    template = ImprintTemplate(21.0, 1, "", "柳塘村村民委员会", b"\xff" * DIRECTIONS * DISTANCES)
    return ImprintEnrolled(template.to_bytes(), ENGINE)


def _built(world: World) -> Kept:
    world.clock.time = MORNING
    builder = _Builder(world)
    builder.build()
    day = builder.day()
    return Kept(
        world.clock.time,
        world.random.getstate(),
        builder.people,
        builder.logins,
        builder.seals,
        day,
    )


@cache
def _town() -> tuple[bytes, Kept]:
    with tempfile.TemporaryDirectory(prefix="zhiyin-town-") as folder:
        world = World.create(f"sqlite+pysqlite:///{folder}/town.sqlite3", Path(folder))
        kept = _built(world)
        return contents(world.db), kept


def _notices(context: ServiceContext) -> Notices:
    channels = NOTICE_DEFAULTS.channels
    preferences = Preferences(context, AlertSettings(), channels)
    return Notices(preferences, TrialMessages(context, preferences), channels, PUSH_KEY)


def services(world: World, store: PictureStore) -> Services:
    """What pages and signing in need."""
    context, passwords = world.context, QUICK
    assert context.sign_down is not None
    return Services(
        context,
        ApplicationReader(context),
        ApplicationService(context),
        CalendarDayService(context),
        CredentialService(context, passwords, world.clock),
        DeviceOrderService(context, context.sign_down),
        DeviceService(context, world.ring),
        DeviceViewService(context),
        DraftService(context, store),
        FaceService(context, world.ring, store, AnyFace()),
        IdentityService(context, passwords, [b"s" * 32], world.clock),
        ImportService(context, store, world.clock),
        ImprintService(context, _imprint),
        MatterService(context),
        NoticeRuleService(context, NOTICE_DEFAULTS),
        OrganisationService(context),
        PeopleService(context, store, world.clock),
        PictureService(context, store),
        PublicRegisterService(context, [b"p" * 32], world.clock),
        RegisterService(context),
        RoleService(context),
        SealService(context),
        SecondOpinionService(context),
        SigningKeyService(context, passwords),
        Typesetter(BUNDLED_FONTS),
        UseProofService(context, world.log, world.ring),
    )


def application(found: Services, *, https: bool = False) -> FastAPI:
    """The pages over ``found``."""
    return create_app(
        found, ApiSettings(https=https), routers=mount.routers(), finish=[errors.install]
    )


class _Builder:
    """Fills the world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.random = random.Random(7)
        self.store = PictureStore(world.ring)
        self.drafts = DraftService(world.context, self.store)
        self.applications = ApplicationService(world.context)
        self.matters = MatterService(world.context)
        self.people: dict[str, Actor] = {}
        self.logins: dict[str, str] = {}
        self.seals: dict[str, str] = {}
        self.counters: dict[str, int] = {}

    @classmethod
    def of(cls, made: WebWorld) -> Self:
        """A builder that goes on with a world."""
        builder = cls(made.world)
        builder.people = dict(made.people)
        builder.seals = dict(made.seals)
        builder.random = random.Random(made.world.clock())
        with made.world.db.read() as conn:
            for row in conn.execute(seal_use.select()):
                builder.counters[row.device_id] = builder.counters.get(row.device_id, 0) + 1
        return builder

    # ── the town ─────────────────────────────────────────────────────────────────────────────────

    def build(self) -> None:
        self.matters.install_defaults(None, DISTRICT)
        self._more_villages()
        for path in [VILLAGE, OTHER_VILLAGE, *self._extra]:
            self._seals_of(path)
        self._person("custodian", "王芳", "wangfang", Role.CUSTODIAN, VILLAGE)
        self._person("approver", "李建国", "lijianguo", Role.APPROVER, VILLAGE)
        self._person("applicant", "陈小红", "chenxiaohong", Role.APPLICANT, VILLAGE)
        self._person("operator", "赵水根", "zhaoshuigen", Role.OPERATOR, VILLAGE)
        self._person("town", "沈伟强", "shenweiqiang", Role.SUPERVISOR, TOWN)
        self._person("district", "俞文娟", "yuwenjuan", Role.SUPERVISOR, DISTRICT)
        self._person("admin", "金志祥", "jinzhixiang", Role.ADMIN, TOWN)
        self._person("stranger", "田桂花", "tianguihua", Role.CUSTODIAN, OTHER_VILLAGE)
        self._person("english", "Alex Hu", "alexhu", Role.SUPERVISOR, TOWN, locale="en")
        self._person("town_approver", "高柏林", "gaobailin", Role.APPROVER, TOWN)

    def _more_villages(self) -> None:
        self._extra = []
        rows = []
        for place, name in enumerate(_MORE_VILLAGES):
            code = f"3301091032{place + 10}"
            self._extra.append(f"{TOWN}{code}/")
            rows.append(
                {
                    "id": code,
                    "parent_id": org_id(TOWN),
                    "path": self._extra[-1],
                    "name": name,
                    "level": "village",
                    "settings": {},
                    "created_at": START,
                }
            )
        with self.world.db.write() as conn:
            conn.execute(organisation.insert(), rows)

    def _seals_of(self, path: str) -> None:
        now = self.world.clock()
        with self.world.db.write() as conn:
            for kind, name in SEALS.items():
                code = f"{org_id(path)}-{kind}"
                self.seals[code] = f"seal-{code}"
                conn.execute(
                    seal.insert(),
                    {
                        "id": f"seal-{code}",
                        "org_id": org_id(path),
                        "org_path": path,
                        "kind": kind,
                        "name": name,
                        "status": "active",
                        "created_at": START,
                    },
                )
                sick = self.random.random()
                conn.execute(
                    device.insert(),
                    {
                        "id": f"SL-{code}",
                        "org_id": org_id(path),
                        "org_path": path,
                        "seal_id": f"seal-{code}",
                        "status": "active",
                        "tip": bytes(32),
                        "online": sick > 0.12,
                        "battery": 12 if 0.12 < sick < 0.2 else self.random.randint(40, 100),
                        "temperature": 23.5,
                        "firmware": "sim-1.4.0",
                        "clock_trusted": True,
                        "last_seen_at": now + 5 * HOUR - self.random.randint(0, 4) * MINUTE
                        if sick > 0.12
                        else now - HOUR,
                        "home_lat": 30.05,
                        "home_lon": 120.2,
                        "fence_m": 150.0,
                        "config": {},
                        "enrolled_at": START,
                    },
                )

    def _person(
        self, key: str, name: str, login: str, kind: Role, path: str, **columns: Any
    ) -> None:
        found = self.world.person(
            name,
            path,
            login=login,
            password_hash=_password_hash(),
            phone="13800000000",
            **columns,
        )
        self.world.grant_role(found, kind, path)
        self.people[key] = Actor(found, (RoleHeld(kind, org_id(path), path),), org_path=path)
        self.logins[key] = login

    # ── the day ──────────────────────────────────────────────────────────────────────────────────

    def day(self) -> Day:
        """From half past ten to half past three."""
        titles = [
            "居住情况说明",
            "低保初审意见",
            "宅基地用地申请",
            "土地流转合同",
            "困难补助申请表",
        ]
        finished = ""
        for place, title in enumerate(titles):
            self.world.clock.advance(31 * MINUTE)
            finished = self._whole(title, stamps=1 + place % 3, seed=place)
        self.world.clock.advance(20 * MINUTE)
        cheated = self.stamped_without_grant()
        found = self._alert("C1", "critical", cheated, stamps=2, cause="no_grant")
        other = self._whole(
            "村务公开公告", stamps=2, seed=11, stamper="custodian", check="mismatch"
        )
        self._alert(
            "C10",
            "major",
            other,
            operator=self.people["operator"].person_id,
            who=self.people["custodian"].person_id,
            score=0.21,
            threshold=0.45,
        )
        self._notices(finished)
        self.world.clock.advance(5 * MINUTE)
        granted = self._approved("惠农补贴发放表", 3)
        running = self._session(granted, pressed=1, done=False, seed=20)
        draft = self._draft("生活困难情况说明", 1)
        return Day(
            finished=finished,
            running=running,
            using=granted.row.id,
            cheated=cheated,
            alert=found,
            waiting=self._submitted("外嫁女户籍情况说明", 2).row.id,
            granted=self._approved("承包地确权说明", 2).row.id,
            draft=draft.row.id,
            page=next(one.id for one in draft.documents if one.kind == DocumentKind.PAGE),
            applicant=self.people["applicant"].person_id,
            operator=self.people["operator"].person_id,
        )

    def _draft(self, title: str, stamps: int) -> ApplicationView:
        applicant = self.people["applicant"]
        made = self.drafts.create(
            applicant,
            ApplicationForm(
                matter_id=f"{org_id(DISTRICT)}.residence",
                seal_id=self.seals[f"{org_id(VILLAGE)}-committee"],
                operator_id=self.people["operator"].person_id,
                title=title,
                purpose="村民办事",
                beneficiary="孔阿毛",
                copies=stamps,
            ),
        )
        matter = self.matters.get(applicant, made.row.matter.id)
        wanted = [(DocumentKind.PAGE, "正文第1页")]
        wanted += [(DocumentKind.ATTACHMENT, name) for name in matter.attachments]
        for kind, name in wanted:
            page = paper(title, len(name))
            made = self.drafts.attach(applicant, made.row.id, kind, name, page)
        return made

    def _submitted(self, title: str, stamps: int) -> ApplicationView:
        made = self._draft(title, stamps)
        self.world.clock.advance(MINUTE)
        return self.applications.submit(self.people["applicant"], made.row.id, made.row.version)

    def _approved(self, title: str, stamps: int) -> ApplicationView:
        made = self._submitted(title, stamps)
        self.world.clock.advance(4 * MINUTE)
        approver = self.people["approver"]
        made = self.applications.open_pages(approver, made.row.id)
        return self.applications.approve(approver, made.row.id, made.row.version)

    def _whole(
        self,
        title: str,
        *,
        stamps: int,
        seed: int,
        stamper: str = "operator",
        check: str = "match",
    ) -> str:
        made = self._approved(title, stamps)
        self.world.clock.advance(6 * MINUTE)
        return self._session(
            made, pressed=stamps, done=True, seed=seed, stamper=stamper, check=check
        )

    def _session(
        self,
        made: ApplicationView,
        *,
        pressed: int,
        done: bool,
        seed: int,
        stamper: str = "operator",
        check: str = "match",
    ) -> str:
        # A sleeve's answer to each event is the gateway's; here only what it leaves in the store.
        with self.world.db.read() as conn:
            grant = conn.execute(
                use_grant.select().where(use_grant.c.application_id == made.row.id)
            ).one()
        start = self.world.clock()
        use_id = self._use_id(grant.device_id)
        who = self.people[stamper].person_id
        common = {
            "device": grant.device_id,
            "seal": grant.seal_id,
            "application": made.row.id,
            "grant_id": grant.id,
            "use_id": use_id,
            "person": grant.operator_id,
        }
        first = self._event("unlock_request", common, {}, {"granted": grant.stamps})
        self._event("grant_burnt", common, {"use": 1}, {"grant": "live", "reused": False})
        self._event("count_entered", common, {"count": pressed}, {"granted": grant.stamps})
        face = self._picture("face", use_id, VILLAGE, portrait(seed), frame=0)
        self._event("face_captured", common, {"attempt": 1}, {"attempt": 1})
        self._record(
            "check.done",
            common,
            {"kind": "face", "verdict": check, "score": 0.71, "who": who, "attempt": 1},
            {},
        )
        for press in range(1, pressed + 1):
            self.world.clock.advance(9_000)
            page = paper(made.row.title, seed)
            self._picture("page_before", use_id, VILLAGE, page, press=press)
            self._event("page_captured", common, {"stage": "before", "press": press}, {})
            self._event(
                "stamped",
                common,
                {"press": press, "total": 100 + press, "contact_ms": 640, "contacts": 1},
                {"granted": grant.stamps, "press": press, "grant": "live", "over": False},
            )
            self._picture("page_after", use_id, VILLAGE, paper(made.row.title, seed, True), press)
            self._event("page_captured", common, {"stage": "after", "press": press}, {})
        if done:
            self._event(
                "use_finished",
                common,
                {"presses": pressed, "reason": "done"},
                {"granted": grant.stamps, "pressed": pressed, "agree": True},
            )
        assert face
        with self.world.db.write() as conn:
            conn.execute(
                insert(seal_use),
                {
                    "id": use_id,
                    "org_path": VILLAGE,
                    "device_id": grant.device_id,
                    "seal_id": grant.seal_id,
                    "application_id": made.row.id,
                    "grant_id": grant.id,
                    "operator_id": grant.operator_id,
                    "stamped_by": who,
                    "state": "finished" if done else "stamping",
                    "person_check": check,
                    "score": 0.71,
                    "granted": grant.stamps,
                    "entered": pressed,
                    "pressed": pressed,
                    "started_at": start,
                    "recorded_at": start,
                    "first_stamp_at": start + 9_000,
                    "last_event_at": self.world.clock(),
                    "finished_at": self.world.clock() if done else None,
                    "finish_reason": "done" if done else None,
                    "lat": 30.05,
                    "lon": 120.2,
                    "first_seq": first,
                },
            )
            conn.execute(
                update(use_grant)
                .where(use_grant.c.id == grant.id)
                .values(state="used" if done else "burnt", use_id=use_id, burnt_at=start)
            )
            from backend.store.tables import application as table

            conn.execute(
                update(table)
                .where(table.c.id == made.row.id)
                .values(status="used" if done else "in_use")
            )
        return use_id

    def stamped_without_grant(self, path: str = VILLAGE) -> str:
        """Twice, with no approval."""
        sleeve = f"SL-{org_id(path)}-cooperative"
        use_id = self._use_id(sleeve)
        start = self.world.clock()
        common = {"device": sleeve, "seal": f"seal-{org_id(path)}-cooperative", "use_id": use_id}
        for press in (1, 2):
            event = {"press": press, "total": 40 + press, "contact_ms": 700, "contacts": 1}
            seq = self._event("stamped", common, event, {"grant": "none", "granted": 0}, path)
        with self.world.db.write() as conn:
            conn.execute(
                insert(seal_use),
                {
                    "id": use_id,
                    "org_path": path,
                    "device_id": sleeve,
                    "seal_id": common["seal"],
                    "state": "finished",
                    "person_check": "none",
                    "granted": 0,
                    "entered": 0,
                    "pressed": 2,
                    "started_at": start,
                    "recorded_at": start,
                    "first_stamp_at": start,
                    "last_event_at": start,
                    "finished_at": start,
                    "finish_reason": "stopped",
                    "first_seq": seq,
                },
            )
        return use_id

    def _use_id(self, sleeve: str) -> str:
        self.counters[sleeve] = self.counters.get(sleeve, 0) + 1
        return f"{sleeve}:{self.counters[sleeve]}"

    def _event(
        self,
        kind: str,
        refs: Mapping[str, Any],
        event: Mapping[str, Any],
        verdict: Mapping[str, Any],
        path: str = VILLAGE,
    ) -> int:
        data = {"event": dict(event), "boot": 1, "late": False, "verdict": dict(verdict)}
        return self._record(f"event.{kind}", refs, data, {}, path)

    def _record(
        self,
        kind: str,
        refs: Mapping[str, Any],
        data: Mapping[str, Any],
        more: Mapping[str, Any],
        path: str = VILLAGE,
    ) -> int:
        now = self.world.clock()
        with self.world.db.write() as conn:
            made = self.world.context.journal.append(
                conn,
                [Record(kind, path, now, now, data={**data, **more}, **refs)],
            )
        return made[0].seq

    def _picture(
        self,
        kind: str,
        use_id: str,
        path: str,
        data: bytes,
        press: int | None = None,
        frame: int | None = None,
    ) -> str:
        new = self.world.context.new_id()
        now = self.world.clock()
        with self.world.db.write() as conn:
            self.store.put(conn, new, data, org_path=path, kind=kind, mime="image/jpeg", now=now)
            conn.execute(
                update(picture)
                .where(picture.c.id == new)
                .values(
                    use_id=use_id,
                    press=press,
                    frame=frame,
                    counter=now % 1_000_000_000,
                    device_id=use_id.split(":")[0],
                )
            )
        return new

    def _alert(self, code: str, severity: str, use_id: str, **data: Any) -> str:
        now = self.world.clock()
        new = self.world.context.new_id()
        with self.world.db.write() as conn:
            use = conn.execute(seal_use.select().where(seal_use.c.id == use_id)).one()
            conn.execute(
                alert.insert(),
                {
                    "id": new,
                    "code": code,
                    "dedupe": f"{code}:{use_id}",
                    "org_path": use.org_path,
                    "severity": severity,
                    "active": True,
                    "stage": "new",
                    "device": use.device_id,
                    "seal": use.seal_id,
                    "application": use.application_id,
                    "use_id": use_id,
                    "seq": use.first_seq,
                    "last_seq": use.first_seq,
                    "data": data,
                    "happened_at": now,
                    "raised_at": now,
                    "updated_at": now,
                },
            )
        self._record(
            "alert.raised",
            {"use_id": use_id, "device": use.device_id},
            {"code": code, "severity": severity},
            {},
            use.org_path,
        )
        return new

    def _notices(self, use_id: str) -> None:
        now = self.world.clock()
        fields = {
            "village": "柳塘村",
            "seal": "村民委员会章",
            "operator": "赵水根",
            "stamps": 2,
            "granted": 2,
            "matter": "居住情况说明",
            "at": now,
            "happened_at": now,
        }
        with self.world.db.write() as conn:
            for key in ("custodian", "approver", "applicant"):
                person_id = self.people[key].person_id
                for place in range(2):
                    conn.execute(
                        inbox_notice.insert(),
                        {
                            "id": self.world.context.new_id(),
                            "person_id": person_id,
                            "kind": "use_finished",
                            "use_id": use_id,
                            "message": {"fields": fields},
                            "created_at": now + place,
                        },
                    )
                conn.execute(
                    delivery.insert(),
                    {
                        "id": self.world.context.new_id(),
                        "dedupe": f"use_finished:{use_id}:{person_id}:0",
                        "kind": "use_finished",
                        "breakthrough": False,
                        "org_path": VILLAGE,
                        "person_id": person_id,
                        "use_id": use_id,
                        "channel": "dingtalk_person",
                        "address": "x",
                        "locale": "zh_CN",
                        "message": {"fields": fields},
                        "state": "delivered",
                        "created_at": now,
                        "due_at": now,
                        "attempts": 1,
                        "delivered_at": now + 800,
                    },
                )


@cache
def paper(title: str, seed: int, stamped: bool = False) -> bytes:
    """A small picture of a written page, with or without a red mark."""
    image = Image.new("RGB", (300, 424), (252, 250, 245))
    draw = ImageDraw.Draw(image)
    line = random.Random(f"{title}{seed}")
    draw.rectangle((95, 36, 205, 50), fill=(40, 40, 44))
    for row in range(9):
        draw.rectangle(
            (36, 84 + row * 22, 36 + line.randint(150, 228), 92 + row * 22), (90, 90, 95)
        )
    draw.rectangle((190, 330, 262, 340), fill=(60, 60, 66))
    if stamped:
        draw.ellipse((180, 292, 262, 374), outline=(200, 36, 32), width=5)
        draw.regular_polygon((221, 333, 14), 5, fill=(200, 36, 32))
    return _jpeg(image)


@cache
def portrait(seed: int) -> bytes:
    """A drawn head: nobody's face."""
    tone = random.Random(seed).randint(150, 215)
    image = Image.new("RGB", (320, 240), (96, 110, 120))
    draw = ImageDraw.Draw(image)
    draw.ellipse((70, 165, 250, 330), fill=(52, 66, 92))
    draw.ellipse((112, 46, 208, 176), fill=(tone, tone - 32, tone - 58))
    draw.pieslice((106, 34, 214, 150), 180, 360, fill=(34, 30, 30))
    for x in (142, 178):
        draw.ellipse((x - 5, 106, x + 5, 116), fill=(30, 26, 26))
    draw.arc((142, 126, 180, 152), 20, 160, fill=(120, 60, 56), width=3)
    return _jpeg(image)


def _jpeg(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=80)
    return out.getvalue()
