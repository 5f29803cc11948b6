"""The plan from one order of rows to another, carried out on a plain list."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from worklist_client.ui.row_diff import plan_rows

keys = st.lists(st.integers(0, 12), unique=True)


def carried_out(old: list[int], new: list[int]) -> list[int]:
    plan = plan_rows(old, new)
    rows = list(old)
    for first, last in plan.removals:
        del rows[first : last + 1]
    if plan.reordered:
        rows = [key for key in new if key in rows]
    for first, last in plan.insertions:
        rows[first:first] = new[first : last + 1]
    return rows


@given(keys, keys)
def test_the_plan_leads_from_any_order_to_any_other(old: list[int], new: list[int]) -> None:
    assert carried_out(old, new) == new


def test_nothing_is_planned_for_equal_rows() -> None:
    plan = plan_rows([1, 2, 3], [1, 2, 3])
    assert (plan.removals, plan.reordered, plan.insertions) == ((), False, ())


def test_neighbours_go_and_come_together() -> None:
    plan = plan_rows([1, 2, 3, 4, 5], [1, 7, 8, 4, 9])
    assert plan.removals == ((4, 4), (1, 2))
    assert plan.insertions == ((1, 2), (4, 4))
    assert not plan.reordered
