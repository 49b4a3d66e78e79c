"""Every page of the town, by who may open it: for tests that go through all of them."""

from tests.support.web_world import Day

PAGES: dict[str, tuple[str, ...]] = {
    "guest": ("/sign-in", "/offline", "/public/check", "/public/check?c=nothing"),
    "applicant": (
        "/home",
        "/apply",
        "/apply?q=亲属",
        "/applications/{draft}/edit",
        "/applications/{draft}/papers/{page}",
        "/applications/{granted}",
        "/applications/{granted}/sleeve",
        "/applications/{using}/sleeve",
        "/emergency",
        "/permits",
        "/permits/new",
        "/inbox",
        "/inbox/preferences",
        "/me",
        "/faces/{applicant}",
        "/password",
    ),
    "approver": (
        "/home",
        "/away",
        "/me/keys",
        "/today",
        "/applications/{waiting}",
        "/inbox",
        "/nowhere",
    ),
    "custodian": ("/home", "/today", "/uses/{finished}", "/faces/{operator}"),
    "district": (
        "/overview",
        "/overview?org=/330109/330109103/",
        "/overview?seal=seal-330109103201-committee",
        "/overview/applications",
        "/overview/applications?which=approved",
        "/alerts?due=over&from=2026-01-01",
    ),
    "town": (
        "/overview",
        "/today",
        "/uses",
        "/uses?only=alerted",
        "/uses/{finished}",
        "/uses/{cheated}",
        "/uses/{finished}/slip",
        "/alerts",
        "/alerts/{alert}",
        "/suppressions",
        "/sleeves",
        "/sleeves/SL-330109103201-committee",
    ),
    "admin": (
        "/admin",
        "/admin/orgs/330109103201",
        "/admin/orgs/330109103201/people/{applicant}/keys",
        "/admin/orgs/330109103201/sleeves",
        "/admin/orgs/330109103201/calendar",
        "/admin/orgs/330109103201/settings",
        "/admin/orgs/330109103201/notices",
        "/admin/orgs/330109103/notices/C16",
        "/admin/sleeves/SL-330109103201-committee",
        "/admin/seals/seal-330109103201-committee/imprint",
        "/admin/import",
        "/admin/matters",
        "/admin/matters/new?org=/330109/330109103/",
        "/admin/matters/330109.residence",
        "/sleeves",
    ),
}
"""Who → addresses; names in braces are fields of Day."""


def fill(address: str, day: Day) -> str:
    """The address with the day's ids in it."""
    names = {name: getattr(day, name) for name in Day.__dataclass_fields__}
    return address.format(**names)
