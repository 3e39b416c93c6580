"""People who can be sent: the directory, and a person's page with skills, certificates, shifts and visits."""

from datetime import timedelta

from flask import Blueprint, request
from werkzeug.wrappers import Response

from dispatch.accounts.access import Right
from dispatch.core import clock
from dispatch.planning import people as queries
from dispatch.skills.choices import skill_choices
from dispatch.skills.estimate import likely_level, qualified_level
from dispatch.skills.queries import documents_of, proficiencies, skill_profile
from dispatch.web.context import actor, db, moment
from dispatch.web.pages import page, page_number
from dispatch.web.security import permission
from dispatch.workforce.choices import territory_choices

blueprint = Blueprint("people", __name__, url_prefix="/people")
DAYS_AHEAD = 14


@blueprint.get("")
@permission(Right.PERSON_READ)
def index() -> Response:
    """Show people by name; with a skill, those with facts in it and their level."""
    reach = actor().territories(Right.PERSON_READ)
    text, skill_id = request.args.get("q", ""), request.args.get("skill", type=int)
    territory_id = request.args.get("territory", type=int)
    listing = queries.people(
        db(),
        territories=reach,
        on=moment().date(),
        text=text,
        skill_id=skill_id,
        territory_id=territory_id,
        page=page_number(),
    )
    return page(
        "people/index.html",
        fragment="people_list",
        listing=listing,
        q=text,
        skill_id=skill_id or "",
        territory_id=territory_id or "",
        skills=skill_choices(db()),
        territories=territory_choices(db(), reach=reach),
        skill=queries.skill_name(db(), skill_id),
        levels=_levels([row.id for row in listing.rows], skill_id),
    )


@blueprint.get("/<int:technician_id>")
@permission(Right.PERSON_READ)
def show(technician_id: int) -> Response:
    """Show a person: what they can do and how surely, what they hold, when they work, where they go next."""
    reach = actor().territories(Right.PERSON_READ)
    today = moment().date()
    person = queries.person_details(db(), technician_id, territories=reach, on=today)
    zone = next((each.territory.zone for each in person.memberships), "UTC")
    local_day = clock.local_day(moment(), zone)
    return page(
        "people/show.html",
        person=person,
        zone=zone,
        territories=[each.territory.name for each in person.memberships if today in each.during],
        profile=skill_profile(db(), technician_id, actor=actor(), at=moment()),
        documents=documents_of(db(), technician_id, on=local_day),
        shifts=queries.coming_shifts(
            db(), technician_id, since=local_day, until=local_day + timedelta(days=DAYS_AHEAD)
        ),
        visits=queries.coming_visits(
            db(), technician_id, since=moment(), territories=actor().territories(Right.ASSIGNMENT_READ)
        ),
        days_ahead=DAYS_AHEAD,
    )


def _levels(people: list[int], skill_id: int | None) -> dict[int, tuple[int, int]]:
    """Return for each person the likeliest level in a skill and the level dispatch relies on."""
    if skill_id is None:
        return {}
    known = proficiencies(db(), people, [skill_id])
    return {
        person: (likely_level(estimates[skill_id]), qualified_level(estimates[skill_id]))
        for person, estimates in known.items()
        if skill_id in estimates
    }
