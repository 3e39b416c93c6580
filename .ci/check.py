"""Runs every check and then every test; the tests' summary comes last. ``make test`` calls it in the environment."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
MOST_PROCESSES = 4
"""Share the tests among so many at most: each starts a database server of its own, and one has all browser tests."""

MOST_TRIED_AGAIN = 3
"""So many browser tests at most get a second try, alone (docs/decisions/0027)."""

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")


def main() -> int:
    """Run all steps, whatever fails, and say at the end which did."""
    os.chdir(ROOT)
    os.environ.setdefault("NUMBA_CACHE_DIR", str(ROOT / "var" / "numba"))
    failed = [name for name, step in steps() if not passed(name, step)]
    note_missing_browser()
    print(f"\nbefore the tests: {', '.join(failed) + ' failed' if failed else 'all checks passed'}\n", flush=True)
    # The tests come last so that their summary is the last thing printed.
    shared = ("-n", str(min(MOST_PROCESSES, os.cpu_count() or 1)), "--dist", "loadfile")
    line = (BIN / "python", "-m", "pytest", "-q", "--cache-clear", *shared, *sys.argv[1:])
    ended = subprocess.run(line, check=False).returncode
    # Only 1 says that all tests were run and some failed; a run that ended early has shown nothing.
    tests = ended == 0 or (ended == 1 and only_late())
    return 1 if failed or not tests else 0


def only_late() -> bool:
    """Run the few browser tests that failed once more, with the machine to themselves; all else has failed for good."""
    kept = ROOT / ".pytest_cache" / "v" / "cache" / "lastfailed"
    failures = sorted(json.loads(kept.read_text())) if kept.exists() else []
    if not 0 < len(failures) <= MOST_TRIED_AGAIN or not all(each.startswith("tests/e2e/test_") for each in failures):
        return False
    print(f"\ntried again alone: {', '.join(failures)}\n", flush=True)
    return command(BIN / "python", "-m", "pytest", "-q", *failures)()


def steps() -> list[tuple[str, Callable[[], bool]]]:
    """Return the checks in the order of how soon they fail."""
    return [
        ("ruff check", command(BIN / "ruff", "check", ".")),
        ("ruff format", command(BIN / "ruff", "format", "--check", ".")),
        ("import contracts", command(BIN / "lint-imports", "--no-cache")),
        ("strict types", command(BIN / "mypy")),
        ("front end build", command(BIN / "python", "-m", "dispatch.frontend", "install", "build")),
        ("front end types", command(BIN / "python", "-m", "dispatch.frontend", "check")),
        ("front end tests", command(BIN / "python", "-m", "dispatch.frontend", "test")),
        # Tests are about what kernels do, not about waiting for them.
        ("kernels compiled", command(BIN / "python", "-m", "dispatch", "warm")),
    ]


def command(*line: str | Path) -> Callable[[], bool]:
    """Return a step that runs a command."""
    return lambda: subprocess.run(line, check=False).returncode == 0


def passed(name: str, step: Callable[[], bool]) -> bool:
    """Run one step and print how it went and how long it took."""
    print(f"--- {name}", flush=True)
    began = time.monotonic()
    good = step()
    print(f"--- {name}: {'passed' if good else 'FAILED'} ({time.monotonic() - began:.1f} s)", flush=True)
    return good


def note_missing_browser() -> None:
    """Say in a line what is not going to be tested."""
    if not any(shutil.which(name) for name in CHROMIUM_NAMES):
        fate = "they fail, since CI is set" if os.environ.get("CI") else "they are skipped"
        print(f"\nno Chromium found, the browser tests need one: {fate} (Debian: apt-get install chromium)", flush=True)


if __name__ == "__main__":
    sys.exit(main())
