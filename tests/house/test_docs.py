"""The documentation keeps up with the code: what it must name, what it names, and where its links point."""

import dataclasses
import importlib
import json
import re
import shlex
import struct
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from dispatch import reference
from dispatch.accounts.access import Right
from dispatch.core.config import Settings
from dispatch.imports import catalogue, people, requests, times
from dispatch.imports.kinds import KINDS
from dispatch.matching import Problem, check, constraints, solve
from dispatch.matching import problem as questions
from dispatch.skills import sources

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
HEAD_PAGES = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")
PAGES = [*(ROOT / name for name in HEAD_PAGES), *sorted(DOCS.rglob("*.md"))]
LINK = re.compile(r'!?\[[^\]]*\]\(([^)\s]+)\)|<img src="([^"]+)"')
LARGEST_PICTURE_BYTES = 200_000
# Variables that are not settings: the kernels' cache belongs to a library, the other to the tests.
OTHER_VARIABLES = {"NUMBA_CACHE_DIR", "DISPATCH_TEST_SERVER_URL"}
COLUMNS = {
    "territories": people.TERRITORY_COLUMNS,
    "users": people.USER_COLUMNS,
    "technicians": people.TECHNICIAN_COLUMNS,
    "skills": catalogue.SKILL_COLUMNS,
    "certifications": catalogue.PAPER_COLUMNS,
    "shifts": times.SHIFT_COLUMNS,
    "absences": times.ABSENCE_COLUMNS,
}


def read(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("name", reference.PAGES)
def test_the_reference_is_what_the_code_gives(name: str) -> None:
    stored = (reference.FOLDER / name).read_text(encoding="utf-8")
    assert stored == reference.PAGES[name](), "run `python -m dispatch.reference`"


@pytest.mark.parametrize("right", Right)
def test_every_right_is_described(right: Right) -> None:
    assert reference.RIGHTS[right]
    assert f"| `{right.value}` |" in read("docs/reference/permissions.md")


def test_every_command_is_described_with_all_its_options() -> None:
    page = read("docs/reference/commands.md")
    for path, command in reference.commands():
        section = page.partition(f"## {path}\n")[2].partition("\n## ")[0]
        assert command.help, path
        assert " ".join(command.help.split()) in section
        for option in command.params:
            if isinstance(option, click.Option):
                assert option.help, f"{path} {option.name}"
                assert option.opts[-1] in section


@pytest.mark.parametrize("rule", reference.members(constraints), ids=lambda rule: rule.__name__.rpartition(".")[2])
def test_every_rule_of_the_matcher_is_described(rule: object) -> None:
    name = getattr(rule, "__name__", "").rpartition(".")[2]
    page = read("docs/reference/constraints.md")
    assert f"### {name}\n" in page
    for field in reference.FED_BY[name].split(", "):
        owner, _, attribute = field.partition(".")
        assert attribute in {each.name for each in dataclasses.fields(getattr(questions, owner))}, field


def test_every_rule_of_the_checker_is_described() -> None:
    package = importlib.import_module(check.__module__)
    page = read("docs/reference/constraints.md")
    assert set(package.RULES) | {"insertions"} == {
        each.__name__.rpartition(".")[2] for each in reference.members(package)
    }
    assert [name for name in package.RULES if f"| `{name}` |" not in page] == []


def test_every_source_of_evidence_is_described() -> None:
    page = read("docs/reference/evidence.md")
    assert {each.__name__.rpartition(".")[2] for each in reference.members(sources)} == set(sources.BY_NAME)
    assert [name for name in sources.BY_NAME if f"| `{name}` |" not in page] == []


def test_every_column_that_can_be_imported_is_described() -> None:
    assert set(COLUMNS) == set(KINDS)
    page = read("docs/howto/import-your-organisation.md")
    for kind, columns in COLUMNS.items():
        section = page.partition(f"## {kind}\n")[2].partition("\n## ")[0]
        for name, others in columns.items():
            line = next((each for each in section.splitlines() if each.startswith("|") and f"`{name}`" in each), "")
            assert line, f"{kind}: {name}"
            assert [other for other in others if other not in line] == [], f"{kind}: {name}"
    tutorial = read("docs/tutorial.md")
    assert [name for name in requests.NEEDED if f"`{name}`" not in tutorial] == []


def test_no_setting_is_named_that_does_not_exist() -> None:
    known = OTHER_VARIABLES | {reference.variable(name) for name in Settings.model_fields}
    named = {
        (relative(page), name) for page in PAGES for name in re.findall(r"\bDISPATCH_[A-Z_]*[A-Z]\b", page.read_text())
    }
    assert {(page, name) for page, name in named if name not in known} == set()


def test_commands_in_the_documentation_exist() -> None:
    known = dict(reference.commands())
    shown = [(relative(page), words) for page in PAGES for words in command_lines(page.read_text(encoding="utf-8"))]
    assert len(shown) > 30
    for page, words in shown:
        path = max((each for each in known if f"{' '.join(words)} ".startswith(f"{each} ")), key=len, default="")
        assert path, f"{page}: {' '.join(words)}"
        options = {flag for each in known[path].params for flag in (*each.opts, *each.secondary_opts)} | {"--help"}
        assert [word for word in words if word.startswith("-") and word not in options] == [], f"{page}: {words}"


def command_lines(text: str) -> Iterator[list[str]]:
    """Give the lines that call our command, from indented blocks and from `code` in the text."""
    joined = text.replace("\\\n", " ")
    blocks = re.findall(r"^ {4}(?:\.venv/bin/)?(dispatch [^\n]*)$", joined, flags=re.MULTILINE)
    inline = re.findall(r"`(dispatch [a-z][^`\n]*)`", joined)
    for line in [*blocks, *inline]:
        words = shlex.split(line.partition(" # ")[0], comments=True)
        # Words in capitals stand for something, and in the reference they are the usage of the command.
        yield [word for word in words if not re.fullmatch(r"\[?[A-Z_]+\]?(\.\.\.)?", word)]


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_links_point_to_something(page: Path) -> None:
    for found in LINK.finditer(page.read_text(encoding="utf-8")):
        target = found.group(1) or found.group(2)
        if target.startswith(("https://", "http://", "mailto:", "#")):
            continue
        assert (page.parent / target.partition("#")[0]).resolve().exists(), f"{relative(page)} -> {target}"


def test_every_page_is_reached_from_the_readme() -> None:
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached:
            continue
        reached.add(page)
        targets = [found.group(1) for found in LINK.finditer(page.read_text(encoding="utf-8")) if found.group(1)]
        waiting += [path for each in targets if (path := (page.parent / each.partition("#")[0]).resolve()) in PAGES]
    assert [relative(page) for page in PAGES if page not in reached] == []


def test_decisions_are_numbered_and_listed() -> None:
    listed = LINK.findall(read("docs/decisions/README.md"))
    pages = sorted(path.name for path in (DOCS / "decisions").glob("*.md") if path.name != "README.md")
    assert [name[:4] for name in pages] == [f"{number:04}" for number in range(1, len(pages) + 1)]
    assert [target for target, _ in listed] == pages
    for number, name in enumerate(pages, start=1):
        assert read(f"docs/decisions/{name}").startswith(f"# {number}. "), name


def test_the_readme_names_both_commands_and_shows_the_board() -> None:
    lines = read("README.md").splitlines()
    assert {"    make run", "    make test"} <= set(lines)
    assert any("docs/screenshots/board.png" in line for line in lines)


def test_screenshots_are_small_and_of_the_stated_width() -> None:
    widths = {}
    for path in sorted((DOCS / "screenshots").iterdir()):
        data = path.read_bytes()
        assert data.startswith(b"\x89PNG"), path.name
        assert len(data) <= LARGEST_PICTURE_BYTES, path.name
        widths[path.name] = struct.unpack(">I", data[16:20])[0]
    assert widths == {"board.png": 1440, "coverage.png": 1440, "my-day.png": 360}


def test_the_example_problem_does_what_the_guide_says() -> None:
    problem = Problem.from_json((DOCS / "howto" / "example-problem.json").read_bytes())
    plan = solve(problem, time_limit_s=None, step_limit=200)
    assert (check(problem, plan), [each.visit for each in plan.unassigned]) == ((), ["cold-room"])
    guide = read("docs/howto/solve-without-a-database.md")
    assert f"cost {plan.cost.total}, served 2 of 3" in guide
    shown = "".join(re.findall(r"^ {4}( ?[{\"].*)$", guide, flags=re.MULTILINE))
    visit = json.loads(shown)
    assert visit in json.loads((DOCS / "howto" / "example-problem.json").read_text())["visits"]
