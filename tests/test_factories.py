"""The factories make rows the database accepts, and the session they use leaves nothing behind."""

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from dispatch.accounts.models import RoleName
from dispatch.jobs.models import Customer, SkillNeed
from tests import factories as make


def test_a_whole_small_world(session: Session) -> None:
    territory = make.make_territory(session)
    skill, permit = make.make_skill(session), make.make_certification_kind(session)
    technician = make.make_technician(session, territory=territory, partner_id=make.make_partner(session).id)
    make.make_shift(session, technician=technician, territory=territory)
    make.make_absence(session, technician=technician)
    make.make_evidence(session, technician=technician, skill=skill)
    make.make_proficiency(session, technician=technician, skill=skill)
    make.make_certification(session, technician=technician, kind=permit)
    make.make_user(session, RoleName.MANAGER, territory=territory)
    make.make_policy(session)
    visit = make.make_visit(
        session, needs={skill: 3}, certifications=(permit,), window=make.hours(0, 4), crew=2, duration_s=1800
    )
    make.make_promise(session, visit=visit)
    make.make_assignment(session, visit=visit, technician=technician)
    assert session.scalar(select(func.count()).select_from(SkillNeed)) == 2


def test_one_person_in_two_places_is_refused(session: Session) -> None:
    technician = make.make_technician(session)
    make.make_assignment(session, technician=technician)
    with pytest.raises(IntegrityError, match="ex_assignment_one_place"):
        make.make_assignment(session, technician=technician, during=make.hours(2.5, 4))


@pytest.mark.parametrize("turn", [1, 2])
def test_what_a_test_commits_is_gone_in_the_next(session: Session, turn: int) -> None:
    assert session.scalar(select(func.count()).select_from(Customer)) == 0, turn
    make.make_customer(session)
    session.commit()
    make.make_customer(session)
    session.rollback()
    assert session.scalar(select(func.count()).select_from(Customer)) == 1
