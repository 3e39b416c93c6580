"""Where compiled kernels are kept, whether all of them are there, and who may compile; loads no compiler itself.

The folder is named after the content of all kernels: Numba looks at one file at a time and would go on using a kernel
whose callee, or a constant of another module, has changed. A mark in it says that a whole warm-up went through.
"""

import hashlib
import os
import platform
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

KERNEL_FILES = (
    "jit.py",
    "layout.py",
    "clock.py",
    "laying.py",
    "depot.py",
    "relaying.py",
    "kernels.py",
    "memory.py",
    "tails.py",
    "ruin_recreate.py",
    "insertion.py",
    "pushing.py",
    "near.py",
    "bound_kernels.py",
    "label_kernels.py",
    "asking.py",
    # Constants that kernels hold by value
    "../constraint.py",
    "../constraints/promise_windows.py",
    "../../units.py",
)


class Ways:
    """How this process comes by its kernels.

    Attributes
    ----------
    patient
        Whether it never compiles: then a kernel that is not there yet is answered by its twin in plain Python.
    loaded
        Set once kernels may be taken from the cache, which takes some hundredths of a second each.
    loader
        The thread that takes them already.
    """

    def __init__(self) -> None:
        self.patient = False
        self.loaded = threading.Event()
        self.loader: int | None = None

    def plain(self) -> bool:
        """Whether the calling thread has to do with the plain twin of a kernel that it does not have."""
        return self.patient and not self.loaded.is_set() and threading.get_ident() != self.loader


WAYS = Ways()


def cache_folder() -> Path:
    """Give the folder of compiled kernels for exactly these sources; under ``NUMBA_CACHE_DIR`` if that is set."""
    here = Path(__file__).parent
    digest = hashlib.sha256(b"".join((here / name).read_bytes() for name in KERNEL_FILES)).hexdigest()[:12]
    base = os.environ.get("NUMBA_CACHE_DIR")
    return (Path(base) if base else here / "__pycache__") / f"kernels-{digest}"


def mark(what: str) -> Path:
    """Return the file that says that kernels are compiled, for this interpreter, compiler and kind of machine.

    ``what`` is ``plans`` (with repairs and questions) or ``bounds``.
    """
    try:
        compiler = version("numba")
    except PackageNotFoundError:
        compiler = "none"
    made_for = hashlib.sha256(f"{sys.version} {compiler} {platform.machine()}".encode()).hexdigest()[:12]
    return cache_folder() / f"{what}-{made_for}"


@contextmanager
def alone() -> Iterator[None]:
    """Wait until no other process compiles into the same cache; where files can not be locked, do not wait."""
    folder = cache_folder()
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
    try:
        import fcntl

        lock = (folder / "lock").open("a+", encoding="ascii")
    except (ImportError, OSError):
        yield
        return
    with lock:
        with suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_EX)  # the system frees it when the process ends, however it ends
        yield


def note(what: str) -> None:
    """Leave the mark; a folder that can not be written to only means that the next process looks again."""
    with suppress(OSError):
        mark(what).touch()
