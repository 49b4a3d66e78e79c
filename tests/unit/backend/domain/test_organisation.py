"""Paths and scope: promise 6 rests on these few lines."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.actor import Actor, Role, RoleHeld
from backend.domain.errors import DomainError
from backend.domain.organisation import ROOT, ancestors, child_path, ids, is_path, within

names = st.text("0123456789abzAZ-_", min_size=1, max_size=6)
paths = st.lists(names, max_size=4).map(lambda parts: "/" + "".join(f"{one}/" for one in parts))


@given(paths, paths)
def test_promise_6_a_branch_is_itself_and_what_lies_below(path: str, branch: str) -> None:
    assert within(path, branch) == (ids(path)[: len(ids(branch))] == ids(branch))


@pytest.mark.parametrize(
    ("path", "branch"),
    [
        ("/33010/", "/3301/"),
        ("/3301/", "/3301/1/"),
        ("/AB/1/", "/ab/"),
        ("/3301/", ""),
        ("", "/"),
        ("/3301", "/3301/"),
        ("/3301/", "/3301"),
        ("/3301//", "/3301/"),
        ("/3301/%/", "/3301/"),
    ],
)
def test_promise_6_no_look_alike_passes_for_a_branch(path: str, branch: str) -> None:
    assert not within(path, branch)


def test_everything_lies_within_the_root() -> None:
    assert within("/330109/1/", ROOT)


def test_ancestors_run_from_the_top_to_itself() -> None:
    assert ancestors("/1/2/3/") == ("/1/", "/1/2/", "/1/2/3/")
    assert ancestors(ROOT) == ()


@pytest.mark.parametrize("org_id", ["", "a/b", "..", "a b", "村"])
def test_an_id_cannot_break_the_tree(org_id: str) -> None:
    with pytest.raises(DomainError, match="bad_org_id"):
        child_path("/1/", org_id)


def test_a_child_lies_below_its_parent() -> None:
    assert child_path("/1/", "2") == "/1/2/"
    assert is_path("/1/2/")


def _actor(*held: tuple[Role, str]) -> Actor:
    return Actor("p", tuple(RoleHeld(role, ids(path)[-1], path) for role, path in held))


def test_promise_6_a_role_holds_for_its_branch_only() -> None:
    actor = _actor((Role.SUPERVISOR, "/1/2/"))
    assert actor.may(Role.SUPERVISOR, "/1/2/3/")
    assert not actor.may(Role.SUPERVISOR, "/1/")
    assert not actor.may(Role.SUPERVISOR, "/1/4/")
    assert not actor.may(Role.APPROVER, "/1/2/3/")
    with pytest.raises(DomainError, match="denied"):
        actor.must(Role.SUPERVISOR, "/1/4/")


def test_promise_6_who_holds_no_role_has_no_branch() -> None:
    assert Actor("p").branches() == ()
    assert not Actor("p").may_any(tuple(Role), "/1/")


def test_a_seat_is_exactly_there() -> None:
    actor = _actor((Role.APPROVER, "/1/"))
    assert actor.sits_at(Role.APPROVER, "/1/")
    assert not actor.sits_at(Role.APPROVER, "/1/2/")


def test_branches_are_the_outermost_ones() -> None:
    actor = _actor((Role.APPROVER, "/1/2/3/"), (Role.APPROVER, "/1/2/"), (Role.ADMIN, "/9/"))
    assert actor.branches() == ("/1/2/", "/9/")
    assert actor.branches(Role.ADMIN) == ("/9/",)
