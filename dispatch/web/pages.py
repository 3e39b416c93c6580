"""Answers with a whole page, or with one named block of it when htmx asks for a part."""

from typing import Any

from flask import Response, current_app, make_response, render_template, request
from jinja2 import Template

from dispatch.web.forms import Form
from dispatch.web.security import wants_part


def page(template: str, fragment: str | None = None, *, status: int = 200, **context: Any) -> Response:
    """Render a template; with ``fragment`` htmx gets that block only, so page and part can not drift apart."""
    if fragment is not None and wants_part():
        return make_response(render_block(template, fragment, **context), status)
    return make_response(render_template(template, **context), status)


def form_page(template: str, form: Form, *, conflict: str | None = None, **context: Any) -> Response:
    """Show a form; a refused one answers 422, one that somebody else outran 409."""
    status = 409 if conflict else 422 if form.errors else 200
    return page(template, status=status, form=form, conflict=conflict, **context)


def render_block(template: str, block: str, **context: Any) -> str:
    """Render one block with everything the template imports and sets at its top."""
    loaded: Template = current_app.jinja_env.get_or_select_template(template)
    values = dict(context)
    current_app.update_template_context(values)
    scope = loaded.new_context(values)
    if block not in loaded.blocks:
        raise LookupError(f"{template} has no block {block!r}")
    # The top of the template runs up to the first words of its frame: that fills in its imports and settings.
    for text in loaded.root_render_func(scope):
        if text.strip():
            break
    return "".join(loaded.blocks[block](scope))


def page_number(name: str = "page") -> int:
    """Return which page of a list was asked for; nonsense means the first."""
    text = request.args.get(name, "1")
    return min(max(int(text), 1), 100_000) if text.isascii() and text.isdigit() and len(text) < 7 else 1
