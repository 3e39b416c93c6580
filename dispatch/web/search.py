"""One place to find everything one may see: pages and actions, jobs, customers, sites, people, skills."""

from typing import NamedTuple

from flask import Blueprint, redirect, request, url_for
from werkzeug.wrappers import Response

from dispatch.accounts.access import Right
from dispatch.planning.search import Found, Hit, Kind, search
from dispatch.web.context import actor, db, moment
from dispatch.web.navigation import lines
from dispatch.web.pages import page
from dispatch.web.security import may_open, permission
from dispatch.web.words import _

blueprint = Blueprint("search", __name__, url_prefix="/search")
LONGEST = 100


class Place(NamedTuple):
    """Something to open: where, what it is called, a few words about it, and its icon."""

    url: str
    title: str
    detail: str
    icon: str


class Group(NamedTuple):
    """Places of one kind; where there are more than are shown, the list that has all of them, if any has."""

    heading: str
    places: list[Place]
    more: bool = False
    url: str | None = None


RIGHTS = {
    Kind.JOB: Right.JOB_READ,
    Kind.CUSTOMER: Right.CUSTOMER_READ,
    Kind.SITE: Right.CUSTOMER_READ,
    Kind.PERSON: Right.PERSON_READ,
    Kind.SKILL: Right.PERSON_READ,
}
HEADINGS = {
    Kind.JOB: "Jobs",
    Kind.CUSTOMER: "Customers",
    Kind.SITE: "Sites",
    Kind.PERSON: "People",
    Kind.SKILL: "Who can do it",
}
ICONS = {
    Kind.JOB: "jobs",
    Kind.CUSTOMER: "customers",
    Kind.SITE: "home",
    Kind.PERSON: "user",
    Kind.SKILL: "skills",
}
LISTS = {Kind.JOB: "jobs.index", Kind.CUSTOMER: "customers.index", Kind.PERSON: "people.index"}
ACTIONS = (
    ("jobs.new", "New job", "plus"),
    ("plans.index", "Plan a day", "plan"),
    ("customers.new", "New customer", "plus"),
)


@blueprint.get("")
@permission(Right.SEARCH)
def index() -> Response:
    """Show what the words find; a telephone number that one customer has opens the customer."""
    text = request.args.get("q", "").strip()[:LONGEST]
    who = actor()
    reach = {kind: who.territories(right) for kind, right in RIGHTS.items() if who.reaches_others(right)}
    found = search(db(), text, reach=reach, on=moment().date())
    calling = found.of(Kind.CUSTOMER)
    if (
        _is_number(text)
        and not found.close
        and len(calling) == 1 == len(found.hits)
        and "HX-Request" not in request.headers
    ):
        return redirect(_url(calling[0]), 303)
    groups = [_group(kind, found, text) for kind in Kind if found.of(kind)]
    if places := _pages(text):
        groups.append(Group(_("Pages"), places))
    return page(
        "search/index.html",
        fragment="results",
        q=text,
        groups=groups,
        close=found.close and bool(found.hits),
        total=len(found.hits) + len(places),
        more=bool(found.more),
    )


def _is_number(text: str) -> bool:
    return any(sign.isdigit() for sign in text) and not any(sign.isalpha() for sign in text)


def _pages(text: str) -> list[Place]:
    """Return the pages and actions whose name holds the words; all of them before anything is typed."""
    known = [(endpoint, _(label), icon) for endpoint, label, icon in ACTIONS if may_open(endpoint)]
    known += [(line.endpoint, _(line.label), line.icon) for line in lines()]
    asked = text.casefold().split()
    return [
        Place(url_for(endpoint), label, "", icon)
        for endpoint, label, icon in known
        if all(word in label.casefold() for word in asked)
    ]


def _group(kind: Kind, found: Found, text: str) -> Group:
    places, more = [_place(hit) for hit in found.of(kind)], kind in found.more
    return Group(_(HEADINGS[kind]), places, more, url_for(LISTS[kind], q=text) if more and kind in LISTS else None)


def _place(hit: Hit) -> Place:
    title = f"#{hit.id} {hit.title}" if hit.kind is Kind.JOB else hit.title
    return Place(_url(hit), title, hit.detail, ICONS[hit.kind])


def _url(hit: Hit) -> str:
    match hit.kind:
        case Kind.JOB:
            return url_for("jobs.show", job_id=hit.id)
        case Kind.CUSTOMER | Kind.SITE:
            return url_for("customers.show", customer_id=hit.id)
        case Kind.PERSON:
            return url_for("people.show", technician_id=hit.id)
        case Kind.SKILL:
            return url_for("people.index", skill=hit.id)
