"""One place to find everything one may see: pages and actions, jobs, customers, sites, equipment, people, skills."""

from typing import Any, NamedTuple

from flask import Blueprint, redirect, request, url_for
from werkzeug.wrappers import Response

from dispatch.accounts.access import Right
from dispatch.planning.search import Found, Hit, Kind, recent, search
from dispatch.web.commands import typed_booking
from dispatch.web.context import actor, db, moment
from dispatch.web.navigation import lines
from dispatch.web.pages import page
from dispatch.web.security import may_open, permission
from dispatch.web.words import _, _l

blueprint = Blueprint("search", __name__, url_prefix="/search")
LONGEST = 100
FEWEST_LETTERS = 4


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
    Kind.ASSET: Right.CUSTOMER_READ,
    Kind.PERSON: Right.PERSON_READ,
    Kind.SKILL: Right.PERSON_READ,
}
HEADINGS = {
    Kind.JOB: "Jobs",
    Kind.CUSTOMER: "Customers",
    Kind.SITE: "Sites",
    Kind.ASSET: "Equipment",
    Kind.PERSON: "People",
    Kind.SKILL: "Who can do it",
}
ICONS = {
    Kind.JOB: "jobs",
    Kind.CUSTOMER: "customers",
    Kind.SITE: "home",
    Kind.ASSET: "tools",
    Kind.PERSON: "user",
    Kind.SKILL: "skills",
}
LISTS = {Kind.JOB: "jobs.index", Kind.CUSTOMER: "customers.index", Kind.PERSON: "people.index"}
# What one can do from everywhere: endpoint and its values, words, icon.
ACTIONS: tuple[tuple[str, dict[str, Any], Any, str], ...] = (
    ("jobs.new", {}, _l("New job"), "plus"),
    ("jobs.new", {"emergency": 1}, _l("Emergency job"), "octagon"),
    ("disruptions.cannot_work", {}, _l("Somebody cannot work"), "user"),
    ("plans.index", {}, _l("Plan a day"), "plan"),
    ("customers.new", {}, _l("New customer"), "plus"),
    ("board_list.paper", {}, _l("Print the day"), "list"),
    ("outbox.index", {}, _l("Messages that wait and were sent"), "list"),
    ("steps.index", {}, _l("My last steps"), "history"),
    ("account.show", {}, _l("My account"), "user"),
    ("account.keys", {}, _l("All keys"), "help"),
)
CLOSE_PAGE = 80.0
"""Names of pages at least as alike as this, of 100, stand in for words that none holds."""


@blueprint.get("")
@permission(Right.SEARCH)
def index() -> Response:
    """Show what the words find; a telephone number that one customer has opens the customer."""
    text = request.args.get("q", "").strip()[:LONGEST]
    who = actor()
    reach = {kind: who.territories(right) for kind, right in RIGHTS.items() if who.reaches_others(right)}
    booking = typed_booking(text)
    lately = recent(db(), who.user_id) if who.user_id is not None else {}
    looked_for = "" if booking else text
    found = search(db(), looked_for, reach=reach, on=moment().date(), lately={} if booking else lately)
    calling = found.of(Kind.CUSTOMER)
    if (
        _is_number(text)
        and not found.close
        and len(calling) == 1 == len(found.hits)
        and "HX-Request" not in request.headers
    ):
        return redirect(_url(calling[0]), 303)
    groups = [_group(kind, found, text) for kind in Kind if found.of(kind)]
    if not text:
        last = [place for group in groups for place in group.places]
        groups = [Group(_("What you worked on last"), last)] if last else []
    places = [] if booking else _pages(text)
    if places:
        groups.append(Group(_("Pages"), places))
    return page(
        "search/index.html",
        fragment="results",
        q=text,
        booking=booking,
        where={name: request.args.get(name) for name in ("date", "territory")},
        groups=groups,
        close=found.close and bool(found.hits),
        total=len(found.hits) + len(places),
        more=bool(found.more),
    )


def _is_number(text: str) -> bool:
    return any(sign.isdigit() for sign in text) and not any(sign.isalpha() for sign in text)


def _pages(text: str) -> list[Place]:
    """Return the pages and actions whose name holds the words; all of them before anything is typed."""
    known = [
        Place(url_for(endpoint, **values), str(label), "", icon)
        for endpoint, values, label, icon in ACTIONS
        if may_open(endpoint)
    ]
    known += [Place(url_for(line.endpoint), _(line.label), "", line.icon) for line in lines()]
    asked = text.casefold().split()
    held = [place for place in known if all(word in place.title.casefold() for word in asked)]
    if held or len(text) < FEWEST_LETTERS or _is_number(text):
        return held
    from rapidfuzz import fuzz, process, utils

    likest = process.extract(
        text,
        [place.title for place in known],
        scorer=fuzz.ratio,
        processor=utils.default_process,
        score_cutoff=CLOSE_PAGE,
    )
    return [known[index] for _title, _score, index in likest]


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
        case Kind.CUSTOMER | Kind.SITE | Kind.ASSET:
            return url_for("customers.show", customer_id=hit.id)
        case Kind.PERSON:
            return url_for("people.show", technician_id=hit.id)
        case Kind.SKILL:
            return url_for("people.index", skill=hit.id)
