"""Visits at a site where somebody sets up carry its number, also those that need no set-up themselves."""

from dispatch.matching.constraint import Scope
from dispatch.matching.constraints import setup
from tests.matching.build import crew, problem, visit


def test_sites_and_seconds() -> None:
    asked = problem(
        visit("a", site="mall", setup_s=600, crew=crew((), ())),
        visit("b", site="mall"),
        visit("c", site="airport", setup_s=300),
        visit("d", site="villa"),
        visit("e"),
    )
    found = setup.limits(Scope.of(asked))
    assert found["site"].tolist() == [1, 1, 1, 0, -1, -1]
    assert found["setup"].tolist() == [600, 600, 0, 300, 0, 0]
