"""Every setting is described where people look for it."""

from pathlib import Path

import pytest

from dispatch.core.config import Settings

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "settings.md"


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_documented(name: str) -> None:
    variable = "DATABASE_URL" if name == "database_url" else f"DISPATCH_{name.upper()}"
    assert Settings.model_fields[name].description
    assert f"`{variable}`" in PAGE.read_text(encoding="utf-8")


def test_the_page_lists_no_setting_that_is_gone() -> None:
    rows = [line.split("`")[1] for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    known = {"DATABASE_URL", *(f"DISPATCH_{name.upper()}" for name in Settings.model_fields if name != "database_url")}
    assert set(rows) - known == set()
