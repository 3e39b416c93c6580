"""Makes the environment that everything else runs in: ``python3 .ci/bootstrap.py run|test``.

Standard library only, since nothing is installed yet. The installer lives in a folder of its own (``.uv``), because it
removes whatever the lock does not name, itself included. Nothing is done when the lock is the one installed last.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
TOOLS = ROOT / ".uv"
LOCKS = ROOT / "requirements"
STAMP = VENV / ".installed"
OLDEST = (3, 11)
# The locks with tests contain every package of the one without, at the same versions (a test holds this).
SERVES = {"run": ("run", "test"), "test": ("test",)}


def main() -> int:
    """Bring the environment to the lock named on the command line."""
    wanted = sys.argv[1] if len(sys.argv) > 1 else "run"
    if wanted not in SERVES:
        return complain(f"{wanted!r} is no lock; use run or test.")
    if sys.version_info < OLDEST:
        return complain(
            f"Python {sys.version.split()[0]} is too old; 3.11 or newer is needed (PYTHON=python3.12 make)."
        )
    began = time.monotonic()
    try:
        found = installed()
        if found not in {fingerprint(name) for name in SERVES[wanted]}:
            # Whoever has the test tools keeps them when only the lock has moved on.
            install("test" if found.startswith("test ") else wanted, began)
        command_line()
    except subprocess.CalledProcessError as error:
        return complain(f"This step failed: {' '.join(map(str, error.cmd))}")
    return 0


def fingerprint(name: str) -> str:
    """Return what the stamp holds while this lock is installed for this interpreter."""
    lock = hashlib.sha256((LOCKS / f"{name}.txt").read_bytes()).hexdigest()
    return f"{name} {sys.version_info.major}.{sys.version_info.minor} {lock}"


def installed() -> str:
    """Return the stamp of a usable environment, or nothing."""
    if not python(VENV).exists() or not STAMP.exists():
        return ""
    alive = subprocess.run([python(VENV), "-c", ""], check=False, capture_output=True)
    return STAMP.read_text(encoding="utf-8").strip() if alive.returncode == 0 else ""


def install(wanted: str, began: float) -> None:
    """Create the environment where it is missing and make it equal to the lock."""
    say(began, f"installing the packages of requirements/{wanted}.txt (about 1 GB the first time)")
    STAMP.unlink(missing_ok=True)
    if not usable(VENV):
        make_venv(VENV, "--without-pip")
    lock = LOCKS / f"{wanted}.txt"
    if installer() and fill_with_uv(lock):
        say(began, "packages installed")
    else:
        say(began, "uv did not manage; trying pip, which takes longer")
        pip = [python(TOOLS), "-m", "pip", "--python", python(VENV), "install", "--quiet", "--require-hashes"]
        subprocess.run([*pip, "-r", lock], check=True)
        say(began, "packages installed by pip")
    STAMP.write_text(fingerprint(wanted) + "\n", encoding="utf-8")


def installer() -> bool:
    """Install uv into its own environment unless the pinned one is there; False when it cannot be had."""
    lock = LOCKS / "uv.txt"
    stamp = TOOLS / ".installed"
    mark = hashlib.sha256(lock.read_bytes()).hexdigest()
    if usable(TOOLS) and stamp.exists() and stamp.read_text(encoding="utf-8") == mark:
        return True
    if not usable(TOOLS):
        make_venv(TOOLS)
    pip = [python(TOOLS), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
    if subprocess.run([*pip, "-r", lock], check=False).returncode:
        return False
    stamp.write_text(mark, encoding="utf-8")
    return True


def fill_with_uv(lock: Path) -> bool:
    """Make the environment equal to the lock: nothing missing, nothing more."""
    uv = TOOLS / "bin" / "uv"
    sync = [uv, "pip", "sync", "--quiet", "--python", python(VENV), "--no-python-downloads", "--require-hashes", lock]
    return subprocess.run(sync, check=False, env={**os.environ, "UV_LINK_MODE": "copy"}).returncode == 0


def command_line() -> None:
    """Put the ``dispatch`` command into the environment; the code itself stays where it is checked out."""
    script = VENV / "bin" / "dispatch"
    text = (
        f"#!{python(VENV)}\n"
        "import sys\n\n"
        f"sys.path.insert(0, {str(ROOT)!r})\n\n"
        "from dispatch.cli import main\n\n"
        'main(prog_name="dispatch")\n'
    )
    if not script.exists() or script.read_text(encoding="utf-8") != text:
        script.write_text(text, encoding="utf-8")
        script.chmod(0o755)


def make_venv(folder: Path, *options: str) -> None:
    """Create an environment, naming the missing package where the system cut Python into pieces."""
    shutil.rmtree(folder, ignore_errors=True)
    if subprocess.run([sys.executable, "-m", "venv", *options, folder], check=False).returncode:
        complain("Python's venv module is missing; on Debian and Ubuntu: apt-get install python3-venv")
        sys.exit(1)


def usable(folder: Path) -> bool:
    """Tell whether an environment is there and belongs to this version of Python."""
    if not python(folder).exists():
        return False
    version = f"import sys; sys.exit(sys.version_info[:2] != {tuple(sys.version_info[:2])})"
    return subprocess.run([python(folder), "-c", version], check=False, capture_output=True).returncode == 0


def python(folder: Path) -> Path:
    """Return the interpreter of an environment."""
    return folder / "bin" / "python"


def say(began: float, what: str) -> None:
    """Print a progress line with the seconds since the start."""
    print(f"[{time.monotonic() - began:6.1f} s] {what}", flush=True)


def complain(what: str) -> int:
    """Print a sentence on what is wrong."""
    print(f"set-up: {what}", file=sys.stderr, flush=True)
    return 1


if __name__ == "__main__":
    sys.exit(main())
