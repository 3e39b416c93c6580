"""Loads the starter catalogue and the demo's job types."""

from dispatch.demo.city import WORKS
from dispatch.demo.systems import IMPOSSIBLE
from dispatch.demo.work import Work
from dispatch.demo.world import Kind, World
from dispatch.skills.starter import CERTIFICATIONS, SKILLS, TRADES


def load_catalogue(world: World) -> None:
    """Write trades, skills, aliases and kinds of certification."""
    for code, name in TRADES:
        world.skills[code] = world.book.add(
            "skill",
            code=code,
            name=name,
            parent_id=None,
            assignable=False,
            half_life_days=198,
            critical=False,
            level_anchors={},
        )
    for skill in SKILLS:
        skill_id = world.skills[skill.code] = world.book.add(
            "skill",
            code=skill.code,
            name=skill.name,
            parent_id=world.skills[skill.code.partition(".")[0]],
            assignable=True,
            half_life_days=skill.fading.half_life_days,
            critical=skill.critical,
            level_anchors=skill.level_anchors,
        )
        for alias in skill.aliases:
            world.book.add("skill_alias", skill_id=skill_id, alias=alias)
    for paper in CERTIFICATIONS:
        kind_id = world.papers[paper.code] = world.book.add(
            "certification_kind",
            code=paper.code,
            name=paper.name,
            issuer=paper.issuer,
            usual_validity_months=paper.months,
            field=paper.field,
            safety=paper.safety,
        )
        world.paper_months[kind_id] = paper.months


def load_job_types(world: World) -> None:
    """Write the job types with their default needs."""
    for work in WORKS:
        world.kinds[work.code] = _job_type(world, work)
    world.impossible = _job_type(world, IMPOSSIBLE)


def _job_type(world: World, work: Work) -> Kind:
    low, usual, high = work.minutes
    type_id = world.book.add(
        "job_type",
        code=work.code,
        name=work.name,
        trade=work.trade,
        duration_s=usual * 60,
        duration_low_s=low * 60,
        duration_high_s=high * 60,
        crew_size=work.crew,
        priority=work.priority,
        response_target_s=work.target_h * 3600,
        second_visit_cost_s=3600 + usual * 60,
        checklist=list(work.checklist),
        expected_result=work.result,
    )
    needs = tuple((world.skills[code], must, preferred) for code, must, preferred in work.needs)
    for skill_id, must, preferred in needs:
        world.book.add(
            "job_type_need",
            job_type_id=type_id,
            crew_position=None,
            any_of=None,
            skill_id=skill_id,
            must_level=must,
            preferred_level=preferred,
        )
    kind_ids = tuple(world.papers[code] for code in work.certificates)
    for kind_id in kind_ids:
        world.book.add("job_type_certification", job_type_id=type_id, kind_id=kind_id, crew_position=None)
    return Kind(id=type_id, work=work, needs=needs, certificate_ids=kind_ids)
