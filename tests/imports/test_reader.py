import csv
import io
from datetime import date, datetime

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatch.core.errors import Invalid
from dispatch.imports.reader import SEPARATORS, decode, read_table, separator_of

CELL = st.text(
    st.characters(codec="utf-8", exclude_characters="\x00", exclude_categories=("Cs", "Cc")), max_size=12
).map(str.strip)
NAME = st.from_regex(r"[a-z]{2,8}", fullmatch=True)


@given(
    names=st.lists(NAME, min_size=2, max_size=5, unique_by=str.casefold),
    rows=st.lists(st.lists(CELL, min_size=5, max_size=5), max_size=6),
    separator=st.sampled_from(SEPARATORS),
    encoding=st.sampled_from(("utf-8", "utf-8-sig", "utf-16", "utf-32")),
    end=st.sampled_from(("\r\n", "\n")),
)
def test_what_was_written_is_read_back(
    names: list[str], rows: list[list[str]], separator: str, encoding: str, end: str
) -> None:
    kept = [row[: len(names)] for row in rows if any(row[: len(names)])]
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=separator, lineterminator=end, quoting=csv.QUOTE_ALL)
    writer.writerows([names, *kept])
    table = read_table(out.getvalue().encode(encoding), "x.csv")
    assert table.columns == tuple(names)
    assert [list(row.cells.values()) for row in table.rows] == kept
    assert table.faults == ()


@settings(max_examples=300)
@given(st.binary(max_size=300) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_give_a_table_or_a_sentence(data: bytes) -> None:
    try:
        table = read_table(data, "x.csv")
    except Invalid:
        return
    for row in table.rows:
        assert set(row.cells) == set(table.columns)
        assert all("\x00" not in cell for cell in row.cells.values())
    assert all(fault.line > 0 and fault.remedy for fault in table.faults)


@given(st.binary(max_size=200))
def test_a_damaged_spreadsheet_is_refused_with_a_sentence(tail: bytes) -> None:
    with pytest.raises(Invalid):
        read_table(b"PK\x03\x04" + tail, "x.xlsx")


def test_lines_are_counted_as_an_editor_counts_them() -> None:
    table = read_table(b'a,b\n1,"two\nlines"\n\n3,4\n', "x.csv")
    assert [row.line for row in table.rows] == [2, 5]


def test_a_broken_line_is_named_and_the_others_are_read() -> None:
    table = read_table(b'a,b\n1,"x"y\n2,3\n4\n5,6,7\n8,9,\n', "x.csv")
    assert [(row.line, row.cells["a"]) for row in table.rows] == [(3, "2"), (6, "8")]
    assert [fault.line for fault in table.faults] == [2, 4, 5]


def test_a_quotation_mark_that_is_never_closed_is_named_by_its_line() -> None:
    table = read_table(b'a,b\n1,2\n3,"open\n5,6\n', "x.csv")
    assert [row.cells["a"] for row in table.rows] == ["1"]
    assert [fault.line for fault in table.faults] == [3]
    assert "never closed" in table.faults[0].remedy


def test_a_zero_byte_is_a_fault_of_its_cell() -> None:
    table = read_table(b"a,b\n1,2\n3,4\x00\n", "x.csv")
    assert [row.line for row in table.rows] == [2]
    assert (table.faults[0].line, table.faults[0].column) == (3, "b")


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty"),
        (b"\n \n", "empty"),
        (b"a,A\n1,2\n", "twice"),
        (b"a,,c\n1,2,3\n", "no name"),
        (b"a\x00,b\n", "zero bytes"),
        (b"\xd0\xcf\x11\xe0rest", ".xls"),
        (b",".join(b"c%d" % number for number in range(100_000)), "2000"),
    ],
)
def test_a_file_that_cannot_be_used_at_all_is_refused(data: bytes, says: str) -> None:
    with pytest.raises(Invalid, match=says):
        read_table(data, "x.csv")


def test_old_encodings_are_recognised() -> None:
    sentence = "Straße;Größe;Müller fährt täglich über die Brücke nach Köln\n"
    assert decode((sentence * 20).encode("cp1252")) == sentence * 20


@pytest.mark.parametrize(
    ("line", "separator"),
    [("a,b,c", ","), ("a;b,1;c", ";"), ("a\tb", "\t"), ('"x,y,z";b', ";"), ("one", ","), ("a|b|c", "|")],
)
def test_the_separator_is_found_outside_quotes(line: str, separator: str) -> None:
    assert separator_of(line + "\n") == separator


def test_a_spreadsheet_gives_values_as_text() -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["name", "day", "at", "level", "share", "on"])
    sheet.append(
        [
            "Ada",
            date(2026, 3, 2),
            datetime.fromisoformat("2026-03-02T07:30:00"),
            3,
            0.25,
            True,
        ]
    )
    sheet.append([None, None, None, None, None, None])
    sheet.append(["=1+1", None, None, None, None, None])
    out = io.BytesIO()
    book.save(out)
    table = read_table(out.getvalue(), "x.xlsx")
    assert list(table.rows[0].cells.values()) == ["Ada", "2026-03-02", "2026-03-02T07:30:00", "3", "0.25", "yes"]
    assert table.rows[0].line == 2
    # A formula counts with its stored value, and this one was never calculated.
    assert all(row.cells["name"] != "=1+1" for row in table.rows)


def test_macros_are_refused() -> None:
    import zipfile

    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("xl/vbaProject.bin", "x")
    with pytest.raises(Invalid, match="macros"):
        read_table(out.getvalue(), "x.xlsm")
