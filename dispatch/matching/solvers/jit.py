"""One decorator for all kernels: compiled and cached by Numba, or plain Python and NumPy where Numba is missing.

A process that answers people must not compile while they wait (`dispatch.matching.solve.never_compile`). There a kernel
that the cache does not hold yet is its own twin in plain Python, call by call, until the cache is complete and loaded.
"""

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from dispatch.matching.solvers.cache import WAYS, cache_folder

P = ParamSpec("P")
R = TypeVar("R")

try:
    import numba

    COMPILED = not numba.config.DISABLE_JIT  # type: ignore[attr-defined]  # set from the environment at run time
except ImportError:  # the library also answers without a compiler, only slower
    COMPILED = False


class _NotCached(Exception):
    """A kernel is neither in memory nor in the cache, and this process does not compile."""


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
    _be_plain(compiled)
    _be_patient(compiled)
    return compiled


def _be_plain(kernel: Any) -> None:
    """Compile once for all whole numbers: Numba would compile again for every constant that a caller writes out."""
    resolve = kernel.get_call_template
    widen: Callable[[Any], Any] = numba.types.unliteral

    def resolved(arguments: Any, named: Any) -> Any:
        return resolve(tuple(map(widen, arguments)), {name: widen(kind) for name, kind in named.items()})

    kernel.get_call_template = resolved


def _be_patient(kernel: Any) -> None:
    """Let a patient process go on with the plain twin where Numba would start to compile.

    Numba calls what its ``_compile_for_args`` gives, and asks it only for types it has no compiled code for, so a
    kernel that is loaded pays nothing for this.
    """
    find, compile_now = kernel._compile_for_args, kernel._compiler.compile

    def found(*arguments: Any, **named: Any) -> Any:
        if WAYS.plain():
            return kernel.py_func
        try:
            return find(*arguments, **named)
        except _NotCached:
            WAYS.loaded.clear()  # the cache is not what its mark says: looking into it at every call would cost more
            return kernel.py_func

    def compiled(*types: Any) -> Any:
        if WAYS.patient:
            raise _NotCached
        return compile_now(*types)

    kernel._compile_for_args = found
    kernel._compiler.compile = compiled
