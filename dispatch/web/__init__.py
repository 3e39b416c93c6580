"""The pages: one module or package per area, each with a ``blueprint``."""

import importlib
import pkgutil
from types import ModuleType

from flask import Blueprint, Flask


def areas() -> list[tuple[ModuleType, Blueprint]]:
    """Return every area: a module here that has a ``blueprint``; writing the file is all it takes to add one."""
    found = []
    for info in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{info.name}")
        blueprint = getattr(module, "blueprint", None)
        if isinstance(blueprint, Blueprint):
            found.append((module, blueprint))
    return found


def register(app: Flask) -> None:
    """Register the pages of all areas."""
    for _module, blueprint in areas():
        app.register_blueprint(blueprint)
