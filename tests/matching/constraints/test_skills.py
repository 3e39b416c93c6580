"""Must-have needs: sure enough, confirmed, any alternative; wished needs never exclude."""

import pytest

from dispatch.matching import solve
from dispatch.matching.policy import Policy
from dispatch.matching.problem import Proficiency, SkillLevel, SkillNeed
from tests.matching.build import codes, crew, need, problem, technician, visit, who

EITHER = SkillNeed(any_of=(SkillLevel(skill="gas", level=3), SkillLevel(skill="oil", level=4)))


@pytest.mark.parametrize(
    ("needs", "held", "policy", "served"),
    [
        ((need("gas", 3),), {"gas": Proficiency(mean=3.0, sd=0.5)}, Policy(), True),
        ((need("gas", 3),), {"gas": Proficiency(mean=2.5, sd=0.5)}, Policy(), False),
        ((need("gas", 3),), {"gas": Proficiency(mean=3.0, sd=3.0)}, Policy(), False),
        ((need("gas", 3),), {"gas": Proficiency(mean=3.0, sd=3.0)}, Policy(min_confidence=0.5), True),
        ((need("gas", 3),), {"gas": Proficiency(mean=3.0, sd=0.0)}, Policy(), True),
        ((need("gas", 3),), {"gas": Proficiency(mean=5.0, sd=0.1, confirmed=False)}, Policy(), False),
        ((need("gas", 2),), {"gas": Proficiency(mean=5.0, sd=0.1, confirmed=False)}, Policy(claims_count_to=2), True),
        ((need("gas", 3),), {"gas": Proficiency(mean=5.0, sd=0.1, confirmed=False)}, Policy(claims_count_to=2), False),
        (
            (need("gas", 2),),
            {"gas": Proficiency(mean=5.0, sd=0.1, confirmed=False)},
            Policy(claims_count_to=2, critical_skills=("gas",)),
            False,
        ),
        ((need("gas", 3),), {"gas": Proficiency(mean=1.0, sd=0.1, at_least=(1, 1, 0.7, 0, 0))}, Policy(), True),
        ((need("gas", 3),), {"gas": Proficiency(mean=5.0, sd=0.1, at_least=(1, 1, 0.69, 0, 0))}, Policy(), False),
        ((need("gas", 1),), {}, Policy(), False),
        ((need("gas", 5, must=False),), {}, Policy(), True),
        ((need("gas", 3), need("oil", 3)), {"gas": Proficiency(mean=4, sd=0.2)}, Policy(), False),
        ((EITHER,), {"oil": Proficiency(mean=4.2, sd=0.3)}, Policy(), True),
        ((EITHER,), {"oil": Proficiency(mean=3.0, sd=0.3)}, Policy(), False),
    ],
)
def test_who_is_qualified(
    needs: tuple[SkillNeed, ...], held: dict[str, Proficiency], policy: Policy, served: bool
) -> None:
    asked = problem(technician(proficiencies=held), visit(needs=needs), policy=policy)
    plan = solve(asked, time_limit_s=None, step_limit=0)
    assert bool(plan.routes) is served
    assert served or codes(plan)["v1"][0] == "nobody_qualified"


def test_each_crew_slot_gets_somebody_with_its_own_skills() -> None:
    people = (technician("a", skills={"gas": 4}), technician("b", skills={"oil": 4}), technician("c"))
    pair = visit(crew=crew((need("oil"),), (need("gas"),)))
    assert who(solve(problem(*people, pair), time_limit_s=None, step_limit=0)) == {"v1": ["b", "a"]}


def test_the_reason_names_the_nearest_person_and_what_is_missing() -> None:
    people = (technician("a", skills={"gas": 1}), technician("b", skills={"gas": 2.6}))
    plan = solve(problem(*people, visit(needs=(need("gas", 3),))), time_limit_s=None, step_limit=0)
    whole, nearest = plan.unassigned[0].reasons
    assert whole.params["not_qualified"] == 2
    assert (nearest.params["technician"], nearest.params["skill"], nearest.params["level"]) == ("b", "gas", 3)
    assert 0.5 < float(nearest.params["confidence"]) < 0.7
