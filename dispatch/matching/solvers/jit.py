"""One decorator for all kernels: compiled and cached by Numba, or plain Python and NumPy where Numba is missing.

The cache lives under ``NUMBA_CACHE_DIR`` if that is set, else beside the sources, in a folder named after the content
of all kernels: Numba itself looks at one file at a time and would go on using a kernel whose callee has changed.
"""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

KERNEL_FILES = (
    "jit.py",
    "layout.py",
    "clock.py",
    "kernels.py",
    "ruin_recreate.py",
    "insertion.py",
    "pushing.py",
    "bound_kernels.py",
    "asking.py",
)

try:
    import numba

    COMPILED = True
except ImportError:  # the library also answers without a compiler, only slower
    COMPILED = False


def cache_folder() -> Path:
    """Give the folder of compiled kernels for exactly these sources."""
    here = Path(__file__).parent
    digest = hashlib.sha256(b"".join((here / name).read_bytes() for name in KERNEL_FILES)).hexdigest()[:12]
    base = os.environ.get("NUMBA_CACHE_DIR")
    return (Path(base) if base else here / "__pycache__") / f"kernels-{digest}"


if COMPILED:
    numba.config.CACHE_DIR = str(cache_folder())  # type: ignore[attr-defined]  # set from the environment at run time


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile ``function`` without the interpreter lock; its twin in plain Python stays reachable as ``py_func``.

    Reference counting is off: kernels make no arrays, and counting the references to those they are given took nine
    tenths of the time.
    """
    if not COMPILED:
        return function
    options: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy", "_nrt": False}
    compiled: Callable[P, R] = numba.njit(**options)(function)
    return compiled
