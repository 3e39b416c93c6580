"""What must not be in the repository: registry hosts, paths of one machine, other people's code, built files."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Written in parts, or this file would be the first to break the rule.
REGISTRIES = [
    f"{host}.{top}" for host, top in (("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"), ("npmjs", "com"))
]
MACHINE_PATH = re.compile(r"(?<![\w.:/-])/(?:home|root|Users|work|opt)/[A-Za-z0-9_.-]+")
BUILT = re.compile(r"(^|/)(node_modules|static/dist|var|__pycache__|\.venv)/|\.(pyc|nbi|nbc|whl|so)$")
LARGEST_BYTES = 1_500_000


def tracked() -> list[Path]:
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listing.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listing.stdout.decode().split("\0") if name and (ROOT / name).is_file()]


def texts() -> list[tuple[str, str]]:
    found = []
    for path in tracked():
        try:
            found.append((str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")))
        except UnicodeDecodeError:
            continue
    return found


def test_no_registry_host_is_named() -> None:
    assert [(name, host) for name, text in texts() for host in REGISTRIES if host in text] == []


def test_no_path_of_one_machine() -> None:
    assert [(name, found.group()) for name, text in texts() for found in MACHINE_PATH.finditer(text)] == []


def test_nothing_built_or_huge_is_kept() -> None:
    names = [path.relative_to(ROOT).as_posix() for path in tracked()]
    assert [name for name in names if BUILT.search(name)] == []
    assert [str(path) for path in tracked() if path.stat().st_size > LARGEST_BYTES] == []


def test_the_top_level_holds_what_the_house_names() -> None:
    allowed = {
        ".ci", "benchmarks", "dispatch", "docs", "migrations", "requirements", "static", "templates", "tests",
        ".gitignore", ".npmrc", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "Makefile", "README.md", "SECURITY.md",
        "jsconfig.json", "package-lock.json", "package.json", "pyproject.toml",
    }  # fmt: skip
    assert {path.relative_to(ROOT).parts[0] for path in tracked()} - allowed == set()
