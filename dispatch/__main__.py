"""Lets ``python -m dispatch`` stand for the ``dispatch`` command."""

from dispatch.cli import main

main(prog_name="dispatch")
