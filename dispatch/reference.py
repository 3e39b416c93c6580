"""Writes the pages of ``docs/reference`` that follow from the code: ``python -m dispatch.reference``.

A test compares the pages with what this module gives, so they cannot fall behind what they describe.
"""

import importlib
import inspect
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import repeat
from pathlib import Path
from types import ModuleType
from typing import Any

import click
from pydantic.fields import FieldInfo

from dispatch.accounts.access import ROLES, TABLE, Reach, Right
from dispatch.accounts.shortcuts import TABLE as TABLE_OF_KEYS
from dispatch.accounts.shortcuts import Shortcut, keys_of, shown
from dispatch.cli import COMMANDS
from dispatch.core.config import Settings
from dispatch.skills.evidence import Trust

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "reference"
WRITTEN = "<!-- Written by `python -m dispatch.reference`; change the code and run it again. -->\n"

RIGHTS: Mapping[Right, str] = {
    Right.JOB_READ: "See jobs and what was promised",
    Right.JOB_EDIT: "Book, change and cancel jobs; change their needs, promise and next step",
    Right.JOB_REPORT: "Report what happened at a visit: on the way, arrived, done, could not",
    Right.SITE_ACCESS: "See gate codes and how to get in",
    Right.ASSIGNMENT_READ: "See who goes where and when",
    Right.ASSIGNMENT_EDIT: "Assign, move and unassign visits",
    Right.ASSIGNMENT_ANSWER: "Accept or decline a visit",
    Right.OVERRIDE_SOFT: "Assign against a wish, with a reason",
    Right.OVERRIDE_HARD: "Assign against a rule, with a reason",
    Right.BOARD_READ: "Open the dispatch board",
    Right.PLAN_READ: "Look at plans and compare them",
    Right.PLAN_RUN: "Start, stop and cancel planning runs",
    Right.PLAN_PUBLISH: "Publish a plan",
    Right.DAY_READ: "Have a day of one's own",
    Right.PERSON_READ: "See people, their hours and where they work",
    Right.PERSON_EDIT: "Change how people are reached and where they start",
    Right.HOME_ADDRESS: "See where somebody lives",
    Right.SKILL_READ: "See skills as level bands, confirmed or not",
    Right.SKILL_CLAIM: "Claim a skill; say that a level is still true",
    Right.SKILL_CONTEST: "Contest a fact about oneself",
    Right.SKILL_CONFIRM: "Assess a skill; settle what somebody contests",
    Right.EVIDENCE_READ: "See the facts behind a level",
    Right.CERTIFICATE_READ: "See certificates and when they expire",
    Right.CERTIFICATE_ADD: "Hand in a certificate",
    Right.CERTIFICATE_CONFIRM: "Confirm or refuse a certificate that was handed in",
    Right.ABSENCE_READ: "See when people are away; reasons are not stored",
    Right.ABSENCE_REPORT: "Report an absence",
    Right.ABSENCE_EDIT: "Change or end an absence",
    Right.CUSTOMER_READ: "See customers, sites and what is looked after there",
    Right.CUSTOMER_EDIT: "Change customers, sites and contacts",
    Right.COVERAGE_READ: "See where hours of qualified people fall short",
    Right.COVERAGE_SOLVE: "Have coverage counted anew",
    Right.LOOSE_END_READ: "See what is open, with owner and due time",
    Right.LOOSE_END_EDIT: "Hand an open item on, or close it with a reason",
    Right.MESSAGE_READ: "Messages to customers and technicians: waiting, sent, recalled and failed, with their texts",
    Right.MESSAGE_EDIT: "Recall a message, send it at once or try again; note what was agreed in a call",
    Right.SEARCH: "Search",
    Right.EXPORT: "Take data out; technicians their own",
    Right.IMPORT: "Bring data in from files",
    Right.POLICY_READ: "See the exchange rates and rules of planning",
    Right.POLICY_EDIT: "Change the exchange rates and rules of planning",
    Right.CATALOGUE_EDIT: "Change the catalogue of skills and certificates",
    Right.TERRITORY_EDIT: "Change territories",
    Right.USER_READ: "See who can sign in",
    Right.USER_EDIT: "Add people who sign in; give and take roles",
    Right.AUDIT_READ: "See what was changed, when and by whom",
    Right.HEALTH_READ: "See how the installation is doing",
}
# Which fields of a problem feed a rule; a test holds that every rule is here and every field exists.
FED_BY: Mapping[str, str] = {
    "breaks": "Shift.breaks",
    "certifications": "CrewSlot.certifications, Technician.certifications",
    "changes": "Visit.published, Policy.reassign_cost, Policy.retime_cost, Policy.retime_tolerance_s",
    "continuity": "Visit.known_faces, Visit.preferred, Visit.person_cost, Policy.continuity_credit,"
    " Policy.preferred_credit",
    "fairness": "Shift.start_s, Shift.end_s, Policy.uneven_load_percent, Policy.long_overtime_percent",
    "links": "Visit.same_person_as, Visit.other_person_than",
    "longest_day": "Shift.max_drive_s, Shift.max_length_s, Shift.max_visits",
    "pace": "Technician.pace_percent, Technician.cost_percent",
    "partners": "Problem.partners, Technician.partner",
    "parts": "Visit.parts, Visit.tools, Shift.parts, Shift.tools, Shift.depot, Shift.depot_s",
    "people": "Visit.excluded, Visit.required",
    "pins": "Problem.pins",
    "proficiency_fit": "CrewSlot.needs, Policy.fix_slope, Policy.fix_offset, Policy.unknown, Visit.second_visit_cost",
    "promise_windows": "Visit.windows, Visit.release_s, Visit.due_s, Visit.lateness_rate",
    "rest": "Technician.min_rest_s, Shift.start_s",
    "scarcity": "Policy.scarcity_per_hour, Policy.scarcity_level",
    "setup": "Visit.setup_s, Visit.site",
    "shifts": "Problem.shifts, Technician.call_out_cost, Policy.waiting_percent",
    "skills": "CrewSlot.needs, Technician.proficiencies, Policy.min_confidence, Policy.claims_count_to,"
    " Policy.critical_skills",
    "territory": "Visit.territory, Technician.territories, Shift.territory",
}
REACHES = {Reach.OWN: "own", Reach.SCOPE: "territory", Reach.ORG: "everything"}


def settings_page() -> str:
    """Return the page of all settings."""
    rows = [
        (f"`{variable(name)}`", _default(field), (field.description or "") + _choices(field))
        for name, field in Settings.model_fields.items()
    ]
    return "\n".join(
        (
            "# Settings\n",
            WRITTEN,
            "Read from the environment when a process starts. None is needed to try the application with `make run`.\n",
            *_table(("Variable", "Unless set", "What it does"), rows),
            "",
            "Beside these, `NUMBA_CACHE_DIR` moves the compiled kernels out of the data folder, and",
            "`DISPATCH_TEST_SERVER_URL` runs the tests on a PostgreSQL server of your choice, with a role that may",
            "create databases.",
            "",
        )
    )


def variable(name: str) -> str:
    """Return the environment variable of a setting."""
    return "DATABASE_URL" if name == "database_url" else f"DISPATCH_{name.upper()}"


def commands_page() -> str:
    """Return the page of all commands with their arguments and options."""
    lines = ["# Commands\n", WRITTEN]
    lines += [
        "In a checkout the command is `.venv/bin/dispatch`; `dispatch COMMAND --help` prints the same. Exit codes: 0",
        "done, 1 refused or failed with a sentence that says why, 2 an option or a file cannot be used, 3 (imports)",
        "some rows were refused and listed.\n",
    ]
    for path, command in commands():
        lines += _command(path, command)
    return "\n".join(lines)


def commands() -> Iterator[tuple[str, click.Command]]:
    """Give every command with the words that call it, groups before their members."""
    for name, (module, attribute, _) in COMMANDS.items():
        yield from _with_members(f"dispatch {name}", getattr(importlib.import_module(module), attribute))


def permissions_page() -> str:
    """Return the table of rights and roles."""
    rows = [(f"`{right.value}`", RIGHTS[right], *map(_reach, ROLES, repeat(right))) for right in Right]
    return "\n".join(
        (
            "# Who may do what\n",
            WRITTEN,
            "What a role may do to its own things, to those of the territories it was given for (or all, when it was",
            "given for none), or to everything. Roles of one person add up. An empty cell means no, and every page and",
            "every service asks this table. Something out of reach looks as if it did not exist.\n",
            *_table(("Right", "What it permits", *ROLES), rows),
            "",
        )
    )


def rules_page() -> str:
    """Return the page of the matcher's rules and of the checker that counts them again."""
    from dispatch.matching import constraints
    from dispatch.matching.plan import Cost
    from dispatch.matching.policy import Policy

    # The package gives its name to the function that its parent exports, so it is asked for by name.
    check = importlib.import_module("dispatch.matching.check")
    lines = []
    for module in members(constraints):
        lines.append(f"### {_last(module)}\n\n{_sentence(module)}\n")
        answers = ((kind, getattr(module, kind, None)) for kind in ("forbids", "prices", "limits"))
        lines += [f"- {kind}: {_sentence(answer)}" for kind, answer in answers if answer is not None]
        lines.append(f"- from: `{FED_BY[_last(module)].replace(', ', '`, `')}`\n")
    counted = [(f"`{name}`", _sentence(sys.modules[rule.__module__])) for name, rule in check.RULES.items()]
    return "\n".join(
        (
            "# Rules of the matcher\n",
            WRITTEN,
            "What must hold, what has a price, and what bounds a day. The fields are described in",
            "[problem.schema.json](problem.schema.json); what sizes to expect stands in",
            "[matching-limits.md](matching-limits.md).\n",
            "## What the solver is told\n",
            "One file a rule, in `dispatch/matching/constraints/`. A rule may forbid pairs of person and visit, price",
            "them, or limit the timetable of a day. Crews and predecessors are structure, not tables:",
            "`dispatch/matching/solvers/crews.py` places them as a unit.\n",
            *lines,
            "## What the checker counts again\n",
            "`dispatch check` and every planning run count a finished plan from nothing, in",
            "`dispatch/matching/check/`, with code that shares nothing with the solver.\n",
            *_table(("Rule", "What must be true"), counted),
            "",
            "Beside these, `insertions` looks by brute force for a place where a visit that was left out would fit.\n",
            "## What a plan costs\n",
            *_wrapped_attributes(Cost),
            "## Exchange rates\n",
            *_wrapped_attributes(Policy),
            "| Rate | Unless the policy says otherwise |",
            "| --- | --- |",
            *(f"| `{name}` | {_value(getattr(Policy(), name))} |" for name in _fields(Policy)),
            "",
        )
    )


def evidence_page() -> str:
    """Return the page of the kinds of evidence and what each is worth."""
    from dispatch.skills.sources import SOURCES

    rows = [
        (
            f"`{source.name}`",
            source.label,
            "judged by the model" if source.outcome else _worth(source.trust),
            "no" if source.own_word else "yes",
            _sentence(importlib.import_module(f"dispatch.skills.sources.{source.name}")) + f" {source.counts}",
        )
        for source in SOURCES
    ]
    head = ("Source", "On screens", "Reads too high by", "Can confirm", "What it is, and how it counts")
    return "\n".join(
        (
            "# Evidence about skills\n",
            WRITTEN,
            "A level is never typed in: it follows from dated facts, each from one of these sources, one file each",
            "in `dispatch/skills/sources/`. Own claims alone qualify nobody; at least one fact that can confirm is",
            "needed. An imported rating that was somebody's own claim counts as one. Job outcomes count only while an",
            "agreement to use them is recorded. [How levels are computed](../decisions/0007-proficiency-model.md).\n",
            *_table(head, rows),
            "",
        )
    )


def shortcuts_page() -> str:
    """Return the page of all keys."""
    lines = [
        "# Keys\n",
        WRITTEN,
        "`?` shows them on every page. Those of one sign can be changed or switched off under *Me*.\n",
    ]
    for heading, group in TABLE_OF_KEYS.items():
        rows = [(each.words, _keys(each), "yes" if each.key else "no") for each in group]
        lines += [f"## {heading}\n", *_table(("What it does", "Keys", "Can be chosen"), rows), ""]
    return "\n".join(lines)


def _keys(shortcut: Shortcut) -> str:
    return ", ".join(f"`{shown(key)}`" for key in keys_of(shortcut.name, {}))


def _worth(trust: Trust) -> str:
    return f"{trust.bias:g} levels, give or take {trust.sd:g}"


def _schema(name: str) -> Callable[[], str]:
    def page() -> str:
        from dispatch.matching import Plan, Problem
        from dispatch.matching.codec import schema

        return json.dumps(schema({"problem": Problem, "plan": Plan}[name]), indent=2) + "\n"

    return page


PAGES: Mapping[str, Callable[[], str]] = {
    "settings.md": settings_page,
    "commands.md": commands_page,
    "permissions.md": permissions_page,
    "constraints.md": rules_page,
    "evidence.md": evidence_page,
    "shortcuts.md": shortcuts_page,
    "problem.schema.json": _schema("problem"),
    "plan.schema.json": _schema("plan"),
}


def write() -> None:
    """Write every page."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, page in PAGES.items():
        (FOLDER / name).write_text(page(), encoding="utf-8")


def members(package: ModuleType) -> list[ModuleType]:
    """Return the modules of a package that stand in a file of their own, by name."""
    names = sorted(path.stem for folder in package.__path__ for path in Path(folder).glob("[a-z]*.py"))
    return [importlib.import_module(f"{package.__name__}.{name}") for name in names]


def _with_members(path: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        for name, member in command.commands.items():
            yield from _with_members(f"{path} {name}", member)


def _command(path: str, command: click.Command) -> list[str]:
    context = click.Context(command, info_name=path)
    usage = " ".join(command.collect_usage_pieces(context))
    lines = [f"## {path}\n", f"    {path} {usage}".rstrip() + "\n", " ".join((command.help or "").split()) + "\n"]
    options = [
        record
        for each in command.params
        if isinstance(each, click.Option) and (record := each.get_help_record(context)) is not None
    ]
    if options:
        rows = [(f"`{_bar(flags)}`", " ".join(words.split())) for flags, words in options]
        lines += [*_table(("Option", "Meaning"), rows), ""]
    return lines


def _bar(flags: str) -> str:
    """Keep choices readable inside a table, whose columns are told apart by the same sign."""
    return flags.replace("|", "\\|")


def _reach(role: str, right: Right) -> str:
    reach = TABLE[role].get(right)
    return "" if reach is None else REACHES[reach]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}"]
    return lines + [f"| {' | '.join(row)} |" for row in rows]


def _default(field: FieldInfo) -> str:
    return "see right" if field.default is None else f"`{_text(field.default)}`"


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _choices(field: FieldInfo) -> str:
    patterns = [each.pattern for each in field.metadata if getattr(each, "pattern", None)]
    return "".join(f". One of {', '.join(each.strip('^$()').split('|'))}" for each in patterns)


def _sentence(documented: object) -> str:
    """Return the first paragraph of a docstring, or nothing for nothing."""
    text = inspect.getdoc(documented) if documented is not None else None
    return " ".join((text or "").split("\n\n")[0].split()).replace("``", "`")


def _last(module: ModuleType) -> str:
    return module.__name__.rpartition(".")[2]


def _wrapped_attributes(documented: type) -> list[str]:
    """Return what a docstring says about a value and each of its fields, as a paragraph and a list."""
    head, _, attributes = (inspect.getdoc(documented) or "").replace("``", "`").partition("Attributes\n----------\n")
    lines = [" ".join(paragraph.split()) + "\n" for paragraph in head.strip().split("\n\n")]
    names = ""
    words: list[str] = []
    for line in [*attributes.splitlines(), "end"]:
        if line.startswith(" "):
            words.append(line.strip())
            continue
        if words:
            lines.append(f"- `{names.replace(', ', '`, `')}`: {' '.join(words)}")
        names, words = line, []
    return [*lines, ""]


def _fields(value: Any) -> list[str]:
    return [name for name in value.__dataclass_fields__ if name != "unknown"]


def _value(value: object) -> str:
    if isinstance(value, tuple | Mapping):
        return ", ".join(map(str, value)) or "none"
    return str(value)


if __name__ == "__main__":
    write()
