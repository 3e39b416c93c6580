"""What a first visit downloads, compressed, stays inside the budgets of each kind of page."""

import gzip
import re
from pathlib import Path

import pytest

from dispatch import frontend

KB = 1000


@pytest.fixture(scope="module")
def dist() -> Path:
    """Return the folder of the built bundle, building it when sources changed."""
    frontend.install()
    frontend.build()
    return frontend.DIST


def loaded_with(entry: Path) -> set[Path]:
    """Return an entry and every chunk it imports before it runs, not those it fetches later on demand."""
    found: set[Path] = set()
    waiting = [entry]
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        found.add(path)
        names = re.findall(r'(?:from|import)"\./([\w.-]+\.js)"', path.read_text())
        waiting += [path.parent / name for name in names]
    return found


def compressed(paths: set[Path]) -> int:
    """Return the bytes that cross the network."""
    return sum(len(gzip.compress(path.read_bytes(), 6)) for path in paths)


@pytest.mark.parametrize(
    ("entries", "most"),
    [
        (("app.js", "board.js"), 110 * KB),
        (("app.js",), 60 * KB),
        (("app.js", "progress.js"), 60 * KB),
    ],
)
def test_scripts_of_a_page(entries: tuple[str, ...], most: int, dist: Path) -> None:
    files = set().union(*(loaded_with(dist / entry) for entry in entries))
    assert compressed(files) <= most, {path.name: compressed({path}) for path in files}


def test_styles_of_a_page_are_small(dist: Path) -> None:
    assert compressed({dist / "app.css"}) <= 12 * KB
    assert compressed({dist / "app.css", dist / "board.css"}) <= 20 * KB


def test_the_map_is_not_part_of_the_first_load(dist: Path) -> None:
    board = loaded_with(dist / "board.js")
    assert not any("leaflet" in path.read_text().lower() for path in board)
    on_demand = {dist / name for name in re.findall(r'import\("\./([\w.-]+\.js)"\)', (dist / "board.js").read_text())}
    assert any("leaflet" in path.read_text().lower() for path in on_demand)


def test_nothing_is_fetched_from_elsewhere(dist: Path) -> None:
    for path in [*dist.glob("*.css"), *frontend.STATIC.joinpath("icons").glob("*.svg")]:
        assert not re.search(r"(?:url\(|@import\s*|href=)[\"']?(?:https?:)?//", path.read_text()), path.name


def test_the_lock_file_names_no_address() -> None:
    text = (frontend.ROOT / "package-lock.json").read_text()
    assert "resolved" not in text
    assert text.count('"integrity"') >= 5


def test_building_again_does_nothing(dist: Path) -> None:
    assert dist.exists()
    assert frontend.build() is False
    assert frontend.install() is False
    assert frontend.asset_version() == (dist / "version.txt").read_text()[:12]
