"""The menu of each role. A line appears when its page exists and the person may open it."""

from typing import Any, NamedTuple

from flask import Flask, request, url_for

from dispatch.frontend import asset_version
from dispatch.web import outbox_state
from dispatch.web.context import find_actor
from dispatch.web.security import may_open
from dispatch.web.words import _

MOST = 6


class Line(NamedTuple):
    """One line of a menu: which page, its name, its icon, and the area that keeps it marked."""

    endpoint: str
    label: str
    icon: str


MENUS: dict[str, tuple[Line, ...]] = {
    "dispatcher": (
        Line("board.index", "Today", "today"),
        Line("jobs.index", "Jobs", "jobs"),
        Line("plans.index", "Plan", "plan"),
        Line("people.index", "People", "people"),
        Line("customers.index", "Customers", "customers"),
        Line("loose_ends.index", "Loose ends", "loose-ends"),
    ),
    "technician": (
        Line("my_day.index", "My day", "my-day"),
        Line("my_skills.index", "Skills", "skills"),
        Line("loose_ends.index", "Loose ends", "loose-ends"),
        Line("account.show", "Me", "user"),
    ),
    "manager": (
        Line("coverage.index", "Coverage", "coverage"),
        Line("people.index", "People", "people"),
        Line("jobs.index", "Jobs", "jobs"),
        Line("customers.index", "Customers", "customers"),
        Line("loose_ends.index", "Loose ends", "loose-ends"),
    ),
    "administrator": (
        Line("people.index", "People", "people"),
        Line("skills.index", "Skills", "catalogue"),
        Line("jobs.index", "Jobs", "jobs"),
        Line("coverage.index", "Coverage", "coverage"),
        Line("loose_ends.index", "Loose ends", "loose-ends"),
        Line("audit.index", "Audit", "history"),
        Line("customers.index", "Customers", "customers"),
        Line("imports.index", "Import skills", "import"),
    ),
}
# Whoever holds several roles lands on the page of the first of these. Managers also hold the dispatcher's role, to see
# the day of their people; what they come for is where they are short.
ORDER = ("manager", "dispatcher", "technician", "administrator")


def lines() -> list[Line]:
    """Return the lines of everybody's roles together, each once, as far as the person may open them."""
    actor = find_actor()
    if actor is None:
        return []
    found: dict[str, Line] = {}
    for role in ORDER:
        if role in actor.roles:
            for line in MENUS[role]:
                found.setdefault(line.endpoint, line)
    return [line for line in found.values() if may_open(line.endpoint)]


def first_page() -> str:
    """Return the endpoint a person lands on."""
    menu = lines()
    return menu[0].endpoint if menu else "account.show"


def _context() -> dict[str, Any]:
    actor = find_actor()
    if actor is None:
        return {"home_url": url_for("account.home"), "theme_url": url_for("account.set_theme")}
    menu = lines()
    area = (request.endpoint or "").partition(".")[0]
    shown, rest = menu[:MOST], menu[MOST:]
    return {
        "navigation": [
            (_(line.label), url_for(line.endpoint), line.icon, line.endpoint.partition(".")[0] == area, None)
            for line in shown
        ],
        "home_url": url_for("account.home"),
        "new_job_url": url_for("jobs.new") if may_open("jobs.new") else None,
        "undo_url": url_for("steps.undo") if may_open("steps.undo") else None,
        "redo_url": url_for("steps.redo") if may_open("steps.redo") else None,
        "outbox": outbox_state.frame if may_open("outbox.index") else None,
        "search_url": url_for("search.index") if may_open("search.index") else None,
        "account_name": actor.name,
        "account_links": [
            *((_(line.label), url_for(line.endpoint), line.icon) for line in rest),
            *([(_("My last steps"), url_for("steps.index"), "history")] if may_open("steps.index") else []),
            (_("My account"), url_for("account.show"), "user"),
        ],
        "help_url": url_for("account.keys"),
        "sign_out_url": url_for("security.logout"),
        "theme_url": url_for("account.set_theme"),
    }


def init_app(app: Flask) -> None:
    """Give every page its menu."""
    version = asset_version()
    app.context_processor(_context)
    app.context_processor(lambda: {"asset_version": version})
