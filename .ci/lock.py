"""Resolves the lock files again: one universal file per purpose, with hashes and without addresses."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
UV = ROOT / ".uv" / "bin" / "uv"
OPTIONS = (
    "--universal",
    "--python-version",
    "3.11",
    "--generate-hashes",
    "--no-emit-index-url",
    "--no-header",
    "--quiet",
)


def main() -> int:
    """Write both files; the one with tests starts from the pins of the one without."""
    for name, extra in (("run", ()), ("test", ("--extra", "test", "--constraint", "requirements/run.txt"))):
        line = [
            UV,
            "pip",
            "compile",
            *OPTIONS,
            *extra,
            *sys.argv[1:],
            "-o",
            f"requirements/{name}.txt",
            "pyproject.toml",
        ]
        if subprocess.run(line, cwd=ROOT, check=False).returncode:
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
