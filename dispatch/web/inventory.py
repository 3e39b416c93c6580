"""Who can do what: people and their skills or certificates side by side, on a page and as files."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from flask import Blueprint, request, url_for
from werkzeug.wrappers import Response

from dispatch.accounts.access import Right
from dispatch.core.clock import local_day
from dispatch.planning.policy import read_rules
from dispatch.planning.snapshot import active_policy
from dispatch.planning.who_can import LONGEST_SENTENCE, who_can
from dispatch.skills import inventory
from dispatch.skills.estimate import likely_level
from dispatch.skills.inventory import Asked, Cell, Company, Inventory, Paper, Standing
from dispatch.skills.models import DocumentState
from dispatch.skills.taxonomy import load_taxonomy
from dispatch.web.context import actor, db, moment
from dispatch.web.history import zone_of_reader
from dispatch.web.pages import page, page_number
from dispatch.web.security import may_open, permission
from dispatch.web.sheets import Row, csv_answer, xlsx_answer
from dispatch.web.skill_words import wish_words
from dispatch.web.words import _, _l
from dispatch.workforce.choices import territory_choices

blueprint = Blueprint("inventory", __name__, url_prefix="/people/skills")
MONTH_DAYS = 30.44
USED_MONTHS = (3, 12, 24)
STANDINGS = {
    Standing.RELIED_ON: _l("dispatch relies on it"),
    Standing.NOT_YET: _l("confirmed, not relied on yet"),
    Standing.OWN_WORD: _l("own word only"),
}
PAPERS = "certificates"


@blueprint.get("")
@permission(Right.PERSON_READ)
def index() -> Response:
    """Show people by name and their skills by trade, or their certificates."""
    papers = request.args.get("show") == PAPERS
    taxonomy = load_taxonomy(db())
    found: Inventory[Cell] | Inventory[Paper]
    found = _papers(page_number()) if papers else _skills(page_number())
    kept: dict[str, Any] = {name: value for name, value in request.args.items() if value and name != "page"}
    reach = actor().territories(Right.PERSON_READ)
    return page(
        "people/skills.html",
        fragment="answer",
        found=found,
        papers=papers,
        kept=kept,
        filtered=any(name != "show" for name in kept),
        territories=territory_choices(db(), reach=reach),
        teams=inventory.team_choices(db()),
        companies=[
            (Company.OURS.value, _("Our own people")),
            (Company.PARTNERS.value, _("All partners")),
            *((str(number), name) for number, name in inventory.partner_choices(db(), reach=reach, on=moment().date())),
        ],
        trades=[
            (number, taxonomy.nodes[number].name) for number in taxonomy.trades() if not taxonomy.nodes[number].retired
        ],
        standings=[(one.value, words) for one, words in STANDINGS.items()],
        months=[(number, _("the last %(n)s months", n=number)) for number in USED_MONTHS],
        shown=shown,
        ways=_ways(found),
        may_export=may_open("inventory.table"),
        may_open_partners=may_open("partners.show"),
        table_url=url_for("inventory.table", **kept),
        book_url=url_for("inventory.book", **kept),
    )


@blueprint.get("/find")
@permission(Right.PERSON_READ)
def find() -> Response:
    """Find people by one sentence, and show what was understood of it."""
    reach, text = actor().territories(Right.PERSON_READ), " ".join(request.args.get("q", "").split())[:LONGEST_SENTENCE]
    territories, taxonomy = dict(territory_choices(db(), reach=reach)), load_taxonomy(db())
    zone = zone_of_reader()
    answer = who_can(
        db(),
        taxonomy,
        text,
        territories=territories,
        reach=reach,
        rules=read_rules(active_policy(db()).rules).qualification,
        today=local_day(moment(), zone),
    )
    return page(
        "people/find.html",
        fragment="answer",
        q=text,
        answer=answer,
        likely_level=likely_level,
        wish_words=wish_words,
        place=territories.get(answer.sentence.territory_id or 0),
        names={number: node.name for number, node in taxonomy.nodes.items()},
        instead=lambda wanted, other: text.casefold().replace(wanted.words, taxonomy.nodes[other].name.casefold()),
    )


@blueprint.get("/table.csv")
@permission(Right.EXPORT)
def table() -> Response:
    """Give everything that was asked for as one table: a row a person, a column a skill or certificate."""
    rows = _paper_rows(_papers(None)) if request.args.get("show") == PAPERS else _skill_rows(_skills(None))
    return csv_answer(f"skills-{moment():%Y-%m-%d}", rows)


@blueprint.get("/table.xlsx")
@permission(Right.EXPORT)
def book() -> Response:
    """Give a workbook: the table of skills, each level with how sure it is, and the certificates."""
    skills = _skills(None)
    return xlsx_answer(
        f"skills-{moment():%Y-%m-%d}",
        [
            (_("Skills"), _skill_rows(skills)),
            (_("Levels"), _level_rows(skills)),
            (_("Certificates"), _paper_rows(_papers(None))),
        ],
    )


def shown(cell: Cell) -> int:
    """Return the level a table shows: what dispatch relies on, else the likeliest."""
    return cell.relied_on_to or cell.level


def _ways(found: Inventory[Cell] | Inventory[Paper]) -> dict[tuple[str, str], str]:
    """Return a mark for each way that levels come through other skills: the skill, and how sure its level is."""
    cells = (cell for cell in found.cells.values() if isinstance(cell, Cell) and cell.through)
    ways = sorted({(cell.through or "", cell.certainty) for cell in cells})
    return {way: _mark(number) for number, way in enumerate(ways)}


def _mark(number: int) -> str:
    """Return a, b ... z, aa, ab ..."""
    return (_mark(number // 26 - 1) if number >= 26 else "") + chr(ord("a") + number % 26)


def _asked() -> Asked:
    args = request.args
    company = args.get("company", "")
    months = args.get("used", 0, type=int)
    return Asked(
        text=args.get("q", "")[:120],
        territory_id=args.get("territory", type=int),
        team_id=args.get("team", type=int),
        partner_id=int(company) if company.isascii() and company.isdigit() and len(company) < 10 else None,
        company=Company(company) if company in set(Company) else None,
        trade_id=args.get("trade", type=int),
        level=min(max(args.get("level", 0, type=int), 0), 5),
        standing=Standing(args["standing"]) if args.get("standing") in set(Standing) else None,
        used_since=moment() - timedelta(days=months * MONTH_DAYS) if 0 < months < 1200 else None,
    )


def _skills(number: int | None) -> Inventory[Cell]:
    rules = read_rules(active_policy(db()).rules).qualification
    return inventory.skill_inventory(
        db(),
        load_taxonomy(db()),
        _asked(),
        reach=actor().territories(Right.PERSON_READ),
        rules=rules,
        now=moment(),
        page=number,
    )


def _papers(number: int | None) -> Inventory[Paper]:
    reach = actor().territories(Right.PERSON_READ)
    return inventory.paper_inventory(db(), _asked(), reach=reach, now=moment(), page=number)


def _head(found: Inventory[Any]) -> Row:
    return [_("Person"), _("Number"), _("Company"), _("Territories"), *(one.name for one in found.columns)]


def _skill_rows(found: Inventory[Cell]) -> Iterator[Row]:
    yield _head(found)
    for one in found.people:
        cells = (found.cells.get((one.id, column.id)) for column in found.columns)
        levels = [None if cell is None else shown(cell) for cell in cells]
        yield [one.name, one.id, one.company, one.territories, *levels]


def _level_rows(found: Inventory[Cell]) -> Iterator[Row]:
    yield [
        _("Person"), _("Number"), _("Company"), _("Trade"), _("Skill"), _("Likely level"),
        _("Dispatch relies on level"), _("Rests on"), _("How sure"), _("Last used"), _("Through"),
    ]  # fmt: skip
    for one in found.people:
        for column in found.columns:
            cell = found.cells.get((one.id, column.id))
            if cell is not None:
                relied, used = cell.relied_on_to or None, cell.last_used
                month = None if used is None else f"{used:%Y-%m}"
                words = str(STANDINGS[cell.standing])
                yield [
                    one.name,
                    one.id,
                    one.company,
                    column.group,
                    column.name,
                    cell.level,
                    relied,
                    words,
                    _(cell.certainty),
                    month,
                    cell.through,
                ]


def _paper_rows(found: Inventory[Paper]) -> Iterator[Row]:
    yield _head(found)
    for one in found.people:
        papers = (found.cells.get((one.id, column.id)) for column in found.columns)
        yield [one.name, one.id, one.company, one.territories, *map(_paper, papers)]


def _paper(paper: Paper | None) -> str | date | None:
    if paper is None:
        return None
    if paper.state is DocumentState.CLAIMED:
        return _("handed in, not confirmed")
    return paper.until or _("valid without end")
