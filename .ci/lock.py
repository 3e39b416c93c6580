"""Resolves the lock files again: one universal file per purpose, with hashes and without addresses."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
UV = ROOT / ".uv" / "bin" / "uv"
OPTIONS = ("--universal", "--python-version", "3.11", "--generate-hashes", "--no-emit-index-url", "--no-header")
# The one with tests starts from the pins of the one without, so that either serves to run the application.
EXTRAS = {"run": (), "test": ("--extra", "test", "--constraint", "requirements/run.txt")}


def main() -> int:
    """Write both files; further arguments go to the resolver, as in ``--upgrade``."""
    for name, extra in EXTRAS.items():
        target = ("--output-file", f"requirements/{name}.txt")
        line = [UV, "pip", "compile", "--quiet", *OPTIONS, *extra, *sys.argv[1:], *target, "pyproject.toml"]
        if subprocess.run(line, cwd=ROOT, check=False).returncode:
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
