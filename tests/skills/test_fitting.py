"""Constants are fitted from an organisation's own record, shown, and put in force on request."""

from datetime import timedelta

import numpy as np
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from dispatch.core.errors import Conflict, Forbidden, Invalid
from dispatch.core.models import AuditEvent
from dispatch.skills.constants import DEFAULTS, Constants
from dispatch.skills.constants_in_force import constants_in_force, read_constants, written
from dispatch.skills.evidence import Fact, Trust
from dispatch.skills.fitting import fit_constants
from dispatch.skills.models import Evidence, Proficiency
from dispatch.skills.proficiency import evidence_of
from dispatch.skills.refit import apply_constants, propose_constants, restore_constants
from tests import factories as make
from tests.skills.build import BOILER, CATALOGUE, LEAK, METER, START, after, claim, fact, supervisor
from tests.skills.people import ADMIN, NOW, Crew, make_crew


def people_who_claim(bias: float, count: int = 40) -> dict[int, list[Fact]]:
    """People whose supervisor knows them well, and who claim so much more."""
    rng = np.random.default_rng(2)
    made = {}
    for number in range(count):
        level = rng.normal(2.5, 0.8)
        facts: list[Fact] = []
        for skill in (BOILER, METER, LEAK):
            here = float(np.clip(level + rng.normal(0, 0.5), 1, 5))
            facts += [
                supervisor(here, skill=skill),
                fact("practical_test", skill=skill, level=here),
                claim(float(np.clip(here + bias + rng.normal(0, 0.2), 1, 5)), skill=skill),
            ]
        made[number] = facts
    return made


def test_the_bias_of_claims_is_found() -> None:
    modest = fit_constants(people_who_claim(0.0), CATALOGUE, after(days=1), outcomes=True)
    boastful = fit_constants(people_who_claim(1.0), CATALOGUE, after(days=1), outcomes=True)
    found = [each.constants.trust["self_claim"].bias for each in (modest, boastful)]
    assert found[0] < 0.35 < 0.65 < found[1]
    for each in (modest, boastful):
        assert each.gain > 1
        assert each.gain_held_out > 0, "others are explained better too"
        assert each.constants.trust["self_claim"].sd < DEFAULTS.sd, "they claim reliably"


def test_what_nothing_is_known_about_stays() -> None:
    report = fit_constants(people_who_claim(0.5), CATALOGUE, after(days=1), outcomes=True)
    moved = {name: (old, new) for name, old, new in report.moved}
    assert moved["slope"][0] == moved["slope"][1], "nobody's work is on record"
    assert moved["offset"][0] == moved["offset"][1]
    assert "endorsement sd" not in moved


def test_too_little_is_refused_with_figures() -> None:
    with pytest.raises(ValueError, match="5 people have 5 facts or more on record, 45 together; fitting takes 20"):
        fit_constants(people_who_claim(0.0, count=5), CATALOGUE, after(days=1), outcomes=True)


def test_the_likelihood_of_levels_seen_is_the_gaussian_one() -> None:
    """Two words about one level: the logarithm of a bivariate normal density, written out."""
    facts = [fact("practical_test", level=3.0), fact("certificate", level=4.0, title="a")]
    spread = np.full((2, 2), 1.0) + np.diag([0.35**2, 0.6**2])
    gap = np.array([3.0, 4.0]) - 2.5
    expected = -0.5 * (gap @ np.linalg.solve(spread, gap) + np.log(np.linalg.det(2 * np.pi * spread)))
    assert evidence_of(facts, CATALOGUE, START, outcomes=True) == pytest.approx(expected)


def test_constants_are_stored_whole() -> None:
    odd = Constants(mean=2.25, loss_a_year=0.2, trust={"self_claim": Trust(bias=0.9, sd=0.7, shared=0.5)})
    assert read_constants(written(odd)) == odd


def record_of(session: Session, crew: Crew) -> None:
    for number in range(24):
        person = make.make_technician(session, territory=crew.territory)
        for index in range(9):
            for skill in (crew.boiler, crew.meter):
                make.make_evidence(
                    session, technician=person, skill=skill, source="practical_test",
                    facts={"level": 1 + (number + index) % 3}, at=NOW - timedelta(days=30 * index + 1),
                )  # fmt: skip
    session.flush()


def test_fitted_constants_hold_from_then_on_and_can_be_taken_back(session: Session) -> None:
    crew = make_crew(session)
    record_of(session, crew)
    report = propose_constants(session, actor=ADMIN, now=NOW)
    assert constants_in_force(session) == DEFAULTS, "fitting alone changes nothing"
    row = apply_constants(session, report, actor=ADMIN, now=NOW)
    assert constants_in_force(session) == report.constants
    assert report.constants.mean < 2.4
    someone = session.scalars(select(Evidence.technician_id)).first()
    held = select(Proficiency.mean).where(Proficiency.technician_id == someone, Proficiency.skill_id == crew.boiler.id)
    fitted = session.scalars(held).one()
    session.commit()
    event = session.scalars(select(AuditEvent).where(AuditEvent.entity == "model_constants")).one()
    assert (event.action, event.after) == ("apply", {"in_force": row.id})
    assert restore_constants(session, actor=ADMIN, now=NOW) is None
    assert constants_in_force(session) == DEFAULTS
    assert session.scalars(held).one() != fitted, "levels follow at once"
    with pytest.raises(Conflict, match="nothing to take back"):
        restore_constants(session, actor=ADMIN, now=NOW)


def test_only_who_may_change_the_policy_may_fit(session: Session) -> None:
    crew = make_crew(session)
    with pytest.raises(Forbidden):
        propose_constants(session, actor=crew.holder, now=NOW)
    with pytest.raises(Invalid, match="The constants stay as they are"):
        propose_constants(session, actor=ADMIN, now=NOW)
