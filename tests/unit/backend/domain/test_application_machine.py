"""Whatever people and sleeves try, in whatever order: what must never happen does not."""

from dataclasses import replace
from random import Random

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from backend.domain import grant as granting
from backend.domain.actor import Actor, Role
from backend.domain.application import Application, Kind, Status
from backend.domain.application_checks import Rules
from backend.domain.application_commands import (
    Approve,
    Close,
    Command,
    Delegate,
    Expire,
    Explain,
    OpenPages,
    Reject,
    Return,
    Review,
    Submit,
    Void,
    Withdraw,
)
from backend.domain.application_life import decide
from backend.domain.calendar import DAY_MS, HOUR_MS
from backend.domain.errors import DomainError
from backend.domain.use import Grant, Sleeve, judge, unlock
from tests.support.life import MATTER, NOW, TOWN, VILLAGE, actor, draft, facts

# Some of them sit on two chairs, on purpose.
PEOPLE = [
    actor("applicant", (Role.APPLICANT, VILLAGE), (Role.APPROVER, VILLAGE)),
    actor("custodian", (Role.CUSTODIAN, VILLAGE), (Role.APPROVER, VILLAGE)),
    actor("operator", (Role.OPERATOR, VILLAGE), (Role.APPROVER, TOWN)),
    actor("approver", (Role.APPROVER, VILLAGE), (Role.APPROVER, TOWN)),
    actor("approver-2", (Role.APPROVER, VILLAGE)),
    actor("town", (Role.APPROVER, TOWN)),
    actor("supervisor", (Role.SUPERVISOR, TOWN)),
    actor("stranger", (Role.APPROVER, "/1/9/"), (Role.SUPERVISOR, "/1/9/")),
]
FACTS = facts(
    approvers={
        VILLAGE: frozenset({"applicant", "custodian", "approver", "approver-2"}),
        TOWN: frozenset({"operator", "approver", "town"}),
    }
)
REASON = "理由充分"
NEXT = {
    Status.DRAFT: {Status.SUBMITTED, Status.WITHDRAWN},
    Status.SUBMITTED: {
        Status.APPROVED,
        Status.REJECTED,
        Status.RETURNED,
        Status.WITHDRAWN,
        Status.EXPIRED,
    },
    Status.RETURNED: {Status.SUBMITTED, Status.WITHDRAWN, Status.EXPIRED},
    Status.APPROVED: {Status.IN_USE, Status.EXPIRED, Status.VOIDED},
    Status.IN_USE: {Status.USED, Status.FINISHED_EARLY, Status.VOIDED},
    Status.USED: {Status.CLOSED, Status.VOIDED},
    Status.FINISHED_EARLY: {Status.CLOSED, Status.VOIDED},
    # A use begun in time, told of late.
    Status.EXPIRED: {Status.IN_USE},
    Status.VOIDED: set(),
    Status.REJECTED: set(),
    Status.WITHDRAWN: set(),
    Status.CLOSED: set(),
}


class Life(RuleBasedStateMachine):
    """One application, its grants, and a sleeve that may replay what it has."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.item: Application = draft()
        self.grants: dict[str, Grant] = {}
        self.sleeve = Sleeve("sleeve", VILLAGE, "s", locked=False, total=0, open_use=None)
        self.counter = 0
        self.live_burns: dict[str, int] = {}
        self.random = Random(1)

    @initialize(kind=st.sampled_from(Kind), offline=st.booleans(), lenient=st.booleans())
    def begin(self, kind: Kind, offline: bool, lenient: bool) -> None:
        matter = replace(MATTER, offline=replace(MATTER.offline, allowed=offline))
        self.facts = replace(FACTS, matter=matter, rules=Rules(approver_may_stamp=lenient))
        details = {"emergency": REASON} if kind is Kind.EMERGENCY else {}
        self.item = draft(kind=kind, details=details)

    def give(self, command: Command) -> None:
        before = self.item
        try:
            outcome = decide(before, command, self.facts, self.now)
        except DomainError:
            return
        self.move(outcome.application)
        if outcome.revoke:
            for key, one in self.grants.items():
                if granting.may_revoke(one):
                    self.grants[key] = replace(one, state="revoked", ended_at=self.now)
        if outcome.issue:
            terms = granting.terms_of(
                self.item,
                self.facts.matter,
                self.facts.rules,
                home=None,
                permitted=None,
                now=self.now,
                random=self.random.randbytes,
            )
            name = f"g{len(self.grants)}"
            self.grants[name] = Grant(
                id=name,
                application="a",
                org_path=VILLAGE,
                device="sleeve",
                seal="s",
                operator=terms.operator,
                alternates=terms.alternates,
                stamps=terms.stamps,
                not_before=terms.not_before,
                not_after=terms.not_after,
                title=terms.title,
                state="issued",
                use_id=None,
                place=terms.place,
                policy=terms.policy,
            )

    def move(self, new: Application) -> None:
        if new.status is not self.item.status:
            assert new.status in NEXT[self.item.status], (self.item.status, new.status)
        self.item = new

    @rule()
    def submit(self) -> None:
        self.give(Submit(PEOPLE[0], "ZY-1"))

    @rule(by=st.sampled_from(PEOPLE), what=st.sampled_from([Approve, Approve, Approve, OpenPages]))
    def approve(self, by: Actor, what: type[Approve | OpenPages]) -> None:
        self.give(what(by))

    @rule(by=st.sampled_from(PEOPLE), what=st.sampled_from([Reject, Return, Void, Explain]))
    def with_reason(self, by: Actor, what: type[Reject | Return | Void | Explain]) -> None:
        self.give(what(by, REASON))

    @rule(by=st.sampled_from(PEOPLE), to=st.sampled_from(PEOPLE))
    def delegate(self, by: Actor, to: Actor) -> None:
        self.give(Delegate(by, to, REASON))

    @rule(by=st.sampled_from(PEOPLE), what=st.sampled_from([Withdraw, Close]))
    def without(self, by: Actor, what: type[Withdraw | Close]) -> None:
        self.give(what(by))

    @rule(by=st.sampled_from(PEOPLE))
    def review(self, by: Actor) -> None:
        self.give(Review(by, "proper", REASON))

    @rule(ms=st.sampled_from([HOUR_MS, DAY_MS, 40 * DAY_MS]))
    def time_passes(self, ms: int) -> None:
        self.now += ms
        self.give(Expire()) if self.item.status is not Status.APPROVED else None
        for key, one in self.grants.items():
            if granting.may_expire(one, self.now):
                self.grants[key] = replace(one, state="expired", ended_at=self.now)
                if self.item.status is Status.APPROVED:
                    self.give(Expire())

    @precondition(lambda self: self.grants)
    @rule(data=st.data())
    def unlock(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.grants)))
        self.counter += 1
        if unlock(self.sleeve, self.grants[name], self.now, None) is None:
            self.grants[name] = replace(self.grants[name], state="unlocked")
            self.event("grant_burnt", {"grant": name, "use": self.counter}, name)

    @precondition(lambda self: self.grants)
    @rule(data=st.data(), offline=st.booleans())
    def burn(self, data: st.DataObject, offline: bool) -> None:
        """A sleeve reports a burn, whether or not it was allowed to."""
        name = data.draw(st.sampled_from(sorted(self.grants)))
        self.counter += 1
        body = {"grant": name, "use": self.counter, "offline": offline}
        self.event("grant_burnt", body, name)

    def event(self, kind: str, body: dict[str, object], name: str) -> None:
        judged = judge(
            kind,
            body,
            sleeve=self.sleeve,
            use=None,
            grant=self.grants[name],
            counter=self.counter,
            happened_at=self.now,
            now=self.now,
            late=False,
        )
        assert judged.verdict is not None
        if judged.verdict["grant"] == "live" and not judged.verdict["reused"]:
            self.live_burns[name] = self.live_burns.get(name, 0) + 1
        if judged.grant is not None:
            self.grants[name] = judged.grant
        if judged.application_status and self.item.status in (Status.APPROVED, Status.EXPIRED):
            self.move(replace(self.item, status=Status(judged.application_status)))

    @invariant()
    def promise_1_no_more_burnt_than_issued(self) -> None:
        assert sum(self.live_burns.values()) <= len(self.grants)
        assert all(count == 1 for count in self.live_burns.values())

    @invariant()
    def promise_1_no_grant_without_every_step_passed(self) -> None:
        if self.grants:
            assert len(self.grants) == 1
            assert all(step.decided_by for step in self.item.steps)
            assert self.item.steps

    @invariant()
    def c26_never_approved_by_whoever_asks_keeps_or_stamps(self) -> None:
        deciders = [step.decided_by for step in self.item.steps if step.decided_by]
        assert "applicant" not in deciders
        assert "custodian" not in deciders
        assert "stranger" not in deciders
        assert len(set(deciders)) == len(deciders)
        if not self.facts.rules.approver_may_stamp:
            assert "operator" not in deciders

    @invariant()
    def a_number_is_given_once_and_the_version_only_grows(self) -> None:
        assert self.item.number in (None, "ZY-1")
        assert (self.item.status is Status.DRAFT) <= (self.item.number is None)


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
