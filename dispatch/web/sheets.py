"""Tables as files for a spreadsheet. A cell that a spreadsheet would take for a formula stays a text."""

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import date

from werkzeug.wrappers import Response

Row = Sequence[str | int | float | date | None]
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def csv_answer(name: str, rows: Iterable[Row]) -> Response:
    """Answer with rows as CSV; the mark in front tells spreadsheets that it is UTF-8."""
    text = io.StringIO()
    csv.writer(text).writerows([_safe(cell) for cell in row] for row in rows)
    return _file("\ufeff" + text.getvalue(), "text/csv", f"{name}.csv")


def xlsx_answer(name: str, sheets: Iterable[tuple[str, Iterable[Row]]]) -> Response:
    """Answer with one workbook of sheets (title, rows), whose first row and column stay in sight."""
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    for title, rows in sheets:
        sheet = book.create_sheet(title[:31])
        sheet.freeze_panes = "B2"
        for row in rows:
            sheet.append([_safe(cell) for cell in row])
    out = io.BytesIO()
    book.save(out)
    return _file(out.getvalue(), XLSX, f"{name}.xlsx")


def _safe(cell: str | int | float | date | None) -> str | int | float | date | None:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell


def _file(body: str | bytes, kind: str, name: str) -> Response:
    answer = Response(body, mimetype=kind)
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer
