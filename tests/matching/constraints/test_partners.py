"""Shifts of one partner on one day share a capacity."""

from dispatch.matching.constraint import Scope
from dispatch.matching.constraints import partners
from dispatch.matching.problem import Partner
from tests.matching.build import problem, shift, technician


def test_one_group_for_each_partner_with_a_limit_and_each_day() -> None:
    asked = problem(
        technician("a", partner="north"),
        technician("b", partner="north"),
        technician("c", partner="south"),
        technician("d", partner="free"),
        technician("e", partner="stranger"),
        technician("f"),
        shift("a", id="1", since=8, until=12),
        shift("a", id="2", since=23, until=30),
        shift("a", id="3", since=32, until=40),
        shift("b", id="4", since=33, until=40),
        shift("c", id="5", since=32, until=40),
        shift("d", id="6"),
        shift("e", id="7"),
        shift("f", id="8"),
        shift("b", id="9", since=-4, until=2),
        partners=(
            Partner(id="south", visits_a_day=7),
            Partner(id="north", visits_a_day=0),
            Partner(id="free"),
        ),
    )
    found = partners.limits(Scope.of(asked))
    assert found["group"].tolist() == [0, 0, 1, 1, 2, -1, -1, -1, 3]
    assert found["group_capacity"].tolist() == [0, 0, 7, 0]


def test_no_partner_no_group() -> None:
    found = partners.limits(Scope.of(problem()))
    assert (found["group"].tolist(), found["group_capacity"].tolist()) == ([-1], [])
