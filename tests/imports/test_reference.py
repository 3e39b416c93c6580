"""The official files of O*NET and ESCO: read by their real names and columns, later releases update by outside ids."""

from pathlib import Path

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from dispatch.accounts.access import SYSTEM
from dispatch.core.errors import Conflict, Forbidden, Invalid
from dispatch.imports.reference import ReferenceReport, import_reference
from dispatch.skills.attribution import attributions
from dispatch.skills.models import EntryKind, ReferenceEntry, Scheme, SkillLink
from dispatch.skills.tree import catalogue_table
from tests.factories import make_skill
from tests.skills.people import ADMIN, NOW, make_crew

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
OCCUPATIONS = "O*NET-SOC Code\tTitle\tDescription\n{}"
RATINGS = "O*NET-SOC Code\tElement ID\tElement Name\tScale ID\tData Value\tN\tNot Relevant\tDate\tDomain Source\n"


def write(folder: Path, name: str, content: str) -> Path:
    path = folder / name
    path.write_text(content, encoding="utf-8")
    return path


def onet(folder: Path, *, titles: tuple[str, ...] = ("Pipe Tuners", "Lamp Whisperers")) -> list[Path]:
    """Write a small release in the format of the official files; no word of it is theirs."""
    rows = "".join(
        f'{number:02}-1000.00\t{title}\tWorks on "things"; all day.\n' for number, title in enumerate(titles, 10)
    )
    return [
        write(folder, "Occupation Data.txt", OCCUPATIONS.format(rows)),
        write(
            folder,
            "Alternate Titles.txt",
            "O*NET-SOC Code\tAlternate Title\tShort Title\tSource(s)\n10-1000.00\tPipe Friend\tn/a\t01\n"
            "10-1000.00\tPipe friend\tn/a\t02\n",
        ),
        write(
            folder,
            "Skills.txt",
            RATINGS
            + "10-1000.00\t2.X.1\tTuning\tIM\t3.12\t8\tN\t08/2024\tAnalyst\n"
            + "10-1000.00\t2.X.1\tTuning\tLV\t4.00\t8\tN\t08/2024\tAnalyst\n",
        ),
        write(folder, "Knowledge.txt", RATINGS + "10-1000.00\t2.Y.1\tPipes\tIM\t3\t8\tN\t08/2024\tAnalyst\n"),
        write(
            folder,
            "Task Statements.txt",
            "O*NET-SOC Code\tTask ID\tTask\tTask Type\tIncumbents Responding\tDate\tDomain Source\n"
            "10-1000.00\t501\tTune pipes by ear.\tCore\t40\t08/2024\tIncumbent\n",
        ),
        write(
            folder,
            "Tools Used.txt",
            "O*NET-SOC Code\tExample\tCommodity Code\tCommodity Title\n10-1000.00\tEar trumpets\t1\tTrumpets\n",
        ),
        write(
            folder,
            "Technology Skills.txt",
            "O*NET-SOC Code\tExample\tCommodity Code\tCommodity Title\tHot Technology\tIn Demand\n"
            "10-1000.00\tPipeware\t2\tSoftware for pipes\tN\tN\n",
        ),
    ]


def esco(folder: Path, labels: tuple[str, ...] = ("tune pipes",)) -> list[Path]:
    rows = "".join(
        f"KnowledgeSkillCompetence,http://outside.example/skill/{number},skill/competence,cross-sector,{label},"
        f'"tuning pipes\npipe tuning",,released,2024-01-01,,,,"What one does, with pipes."\n'
        for number, label in enumerate(labels)
    )
    heads = (
        "conceptType,conceptUri,skillType,reuseLevel,preferredLabel,altLabels,hiddenLabels,status,modifiedDate,"
        "scopeNote,definition,inScheme,description\n"
    )
    return [write(folder, "skills_en.csv", heads + rows)]


def bring_in(session: Session, scheme: Scheme, paths: list[Path], release: str = "1.0", **how: bool) -> ReferenceReport:
    return import_reference(
        session, scheme=scheme, release=release, paths=paths, dry_run=how.get("dry_run", False),
        confirmed=how.get("confirmed", False), actor=SYSTEM, now=NOW,
    )  # fmt: skip


def labels(session: Session, kind: EntryKind) -> list[str]:
    wanted = select(ReferenceEntry.label).where(ReferenceEntry.kind == kind, ReferenceEntry.retired_at.is_(None))
    return list(session.scalars(wanted.order_by(ReferenceEntry.label)))


def test_all_official_files_of_onet(session: Session, tmp_path: Path) -> None:
    report = bring_in(session, Scheme.ONET, onet(tmp_path))
    assert (report.new, report.changed, report.same, report.retired, report.faults_total) == (8, 0, 0, 0, 0)
    assert {kind: labels(session, kind) for kind in EntryKind} == {
        EntryKind.OCCUPATION: ["Lamp Whisperers", "Pipe Tuners"],
        EntryKind.TITLE: ["Pipe Friend"],
        EntryKind.SKILL: ["Tuning"],
        EntryKind.KNOWLEDGE: ["Pipes"],
        EntryKind.TASK: ["Tune pipes by ear."],
        EntryKind.TOOL: ["Ear trumpets"],
        EntryKind.TECHNOLOGY: ["Pipeware"],
    }
    again = bring_in(session, Scheme.ONET, onet(tmp_path))
    assert (again.new, again.changed, again.same, again.retired) == (0, 0, 8, 0)


def test_esco_with_its_other_labels(session: Session, tmp_path: Path) -> None:
    assert bring_in(session, Scheme.ESCO, esco(tmp_path)).new == 1
    entry = session.scalars(select(ReferenceEntry)).one()
    assert (entry.label, entry.words) == ("tune pipes", ["tuning pipes", "pipe tuning"])
    assert entry.outside_id == "http://outside.example/skill/0"


def test_a_later_release_updates_retires_and_says_whom_it_touches(session: Session, tmp_path: Path) -> None:
    bring_in(session, Scheme.ONET, onet(tmp_path))
    skill, other = make_skill(session, name="Our tuning"), make_skill(session, name="Our lamps")
    session.add_all(
        [
            SkillLink(skill_id=skill.id, scheme="onet", outside_id="10-1000.00", label="Pipe Tuners"),
            SkillLink(skill_id=other.id, scheme="onet", outside_id="11-1000.00", label="Lamp Whisperers"),
        ]
    )
    session.flush()
    later = onet(tmp_path, titles=("Pipe Masters",))[:1]
    seen = bring_in(session, Scheme.ONET, later, "2.0", dry_run=True)
    assert (seen.new, seen.changed, seen.retired) == (0, 1, 1)
    assert seen.notes == (
        "“Pipe Tuners”, linked to our skill Our tuning, is called “Pipe Masters” now.",
        "“Lamp Whisperers”, linked to our skill Our lamps, is not in this release any more.",
    )
    assert labels(session, EntryKind.OCCUPATION) == ["Lamp Whisperers", "Pipe Tuners"], "a dry run changes nothing"
    assert attributions(session)[0].count("O*NET 1.0 Database") == 1

    done = bring_in(session, Scheme.ONET, later, "2.0")
    assert (done.new, done.changed, done.retired, done.notes) == (0, 1, 1, seen.notes)
    assert labels(session, EntryKind.OCCUPATION) == ["Pipe Masters"]
    assert labels(session, EntryKind.TASK) == ["Tune pipes by ear."], "no file was given for these"
    assert session.scalar(select(func.count()).select_from(ReferenceEntry)) == 8, "nothing twice, nothing lost"
    session.expire_all()
    assert session.scalar(select(SkillLink.label).where(SkillLink.skill_id == skill.id)) == "Pipe Masters"
    back = bring_in(session, Scheme.ONET, onet(tmp_path, titles=("Pipe Masters", "Lamp Whisperers"))[:1], "2.1")
    assert (back.changed, labels(session, EntryKind.OCCUPATION)) == (1, ["Lamp Whisperers", "Pipe Masters"])


def test_half_a_file_retires_nothing_by_mistake(session: Session, tmp_path: Path) -> None:
    many = tuple(f"Trade {number}" for number in range(60))
    bring_in(session, Scheme.ESCO, esco(tmp_path, many))
    half = esco(tmp_path, many[:30])
    with pytest.raises(Conflict, match="30 of 60 entries would be retired"):
        bring_in(session, Scheme.ESCO, half, "2")
    assert bring_in(session, Scheme.ESCO, half, "2", confirmed=True).retired == 30


def test_faults_say_where_and_what_would_be_right(session: Session, tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "Occupation Data.txt",
        OCCUPATIONS.format("10-1000.00\t\tno title\nshort\n10-2000.00\tGood One\tfine\n10-3000.00\tBad \ufffd\tx\n"),
    )
    report = bring_in(session, Scheme.ONET, [path])
    assert [(fault.line, fault.column) for fault in report.faults] == [
        (2, "Occupation Data.txt: Title"),
        (3, "Occupation Data.txt"),
        (5, "Occupation Data.txt: Title"),
    ]
    assert report.faults[0].remedy == "A value is needed here."
    assert labels(session, EntryKind.OCCUPATION) == ["Good One"]
    with pytest.raises(Invalid, match=r"lacks the columns title\. It has: Name"):
        bring_in(session, Scheme.ONET, [write(tmp_path, "occupations.csv", "Name,onet_soc\na,10-1000.00\n")])
    with pytest.raises(Invalid, match="None of these is a file of esco"):
        bring_in(session, Scheme.ESCO, [write(tmp_path, "holiday.csv", "a\n")])
    with pytest.raises(Invalid, match="which release"):
        bring_in(session, Scheme.ESCO, esco(tmp_path), " ")


def test_what_is_owed_is_said_in_the_table_too(session: Session, tmp_path: Path) -> None:
    assert attributions(session) == []
    bring_in(session, Scheme.ESCO, esco(tmp_path), "1.2")
    make_skill(session, code="a", name="=cmd()")
    table = catalogue_table(session)
    assert "'=cmd()" in table
    assert table.rstrip().endswith(
        "This service uses the ESCO classification of the European Commission (release 1.2)."
    )


def test_who_may_not_import_is_refused(session: Session, tmp_path: Path) -> None:
    crew = make_crew(session)
    with pytest.raises(Forbidden):
        import_reference(
            session, scheme=Scheme.ESCO, release="1", paths=esco(tmp_path), dry_run=True, actor=crew.manager, now=NOW
        )
    assert ADMIN.may("import")


@pytest.mark.parametrize(
    ("scheme", "folder", "entries"), [(Scheme.ONET, "onet_trades", 10_000), (Scheme.ESCO, "esco_trades", 1_300)]
)
def test_the_samples_of_the_real_catalogues(session: Session, scheme: Scheme, folder: str, entries: int) -> None:
    paths = sorted((SHARED / folder).glob("*.csv"))
    if not paths:
        pytest.skip("the samples are not here")
    report = bring_in(session, scheme, paths, "sample")
    assert report.faults == ()
    assert report.new >= entries
    again = bring_in(session, scheme, paths, "sample")
    assert (again.new, again.changed, again.retired) == (0, 0, 0)
    assert session.scalar(text("SELECT count(*) FROM reference_entry WHERE retired_at IS NULL")) == report.new
