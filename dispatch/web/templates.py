"""Templates compiled once for all web processes, and loaded before the first person asks for a page."""

import logging
from pathlib import Path

from flask import Flask
from jinja2 import FileSystemBytecodeCache

log = logging.getLogger("dispatch.web")
FOLDER = "templates"


def load_templates(app: Flask, data_dir: Path) -> int:
    """Load every template and keep what was compiled in a folder of the data; returns how many there are.

    Compiling all of them takes two seconds of the processor, reading them compiled a twentieth of one. What is kept is
    found by the text of the template and the versions of Python and Jinja, so a new version of ours compiles anew.
    Where the folder can not be written each process compiles for itself.
    """
    folder = data_dir / FOLDER
    environment = app.jinja_env
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        environment.bytecode_cache = FileSystemBytecodeCache(str(folder))
        names = [name for name in environment.list_templates() if name.endswith(".html")]
        for name in names:
            environment.get_template(name)
    except OSError as error:
        log.warning("Compiled templates are not kept: %s", error)
        environment.bytecode_cache = None
        return 0
    return len(names)
