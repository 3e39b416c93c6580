"""Each macro says what it must to eyes, keyboards and screen readers, and escapes what people typed."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from flask import Flask, flash
from jinja2 import Environment, nodes
from wtforms import (
    BooleanField,
    Form,
    HiddenField,
    RadioField,
    SelectField,
    SelectMultipleField,
    StringField,
    widgets,
)
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Optional

from .conftest import Render

EVIL = '<b onclick="x">"Hale" & Co</b>'

# Which file, and a call of its macros; c is the imported file.
CALLS = {
    "icons": ("icons", '{{ c.icon("phone", evil) }}'),
    "button": ("buttons", '{{ c.button(evil, "primary", "plus", "go", evil) }}'),
    "link_button": ("buttons", "{{ c.link_button(evil, evil, current=True) }}"),
    "post_button": ("buttons", '{{ c.post_button(evil, "/x", {"a": evil}, about=evil) }}'),
    "select": ("forms", '{{ c.select("s", evil, [(1, evil), (2, "b")], 2, hint=evil) }}'),
    "text_input": ("forms", '{{ c.text_input("t", evil, evil, "search") }}'),
    "option_cards": ("forms", '{{ c.option_cards("o", evil, [(1, evil, evil)], 1) }}'),
    "status": ("status", '{{ c.status("at-risk", evil) }}{{ c.status(evil) }}'),
    "promise": ("status", '{{ c.promise("will_miss", evil, evil, evil) }}'),
    "badge": ("status", '{{ c.badge(evil, "lock") }}{{ c.count(3, evil) }}'),
    "strip": ("status", '{{ c.strip(evil, [("on_track", evil, "/x")]) }}'),
    "level": ("status", '{{ c.level(3.2, 0.81, "confirmed") }}'),
    "person": ("people", '{{ c.person(evil, "/p", evil, "+31 20 1", evil) }}'),
    "mail_to": ("people", "{{ c.mail_to(evil, evil) }}{{ c.navigate(52.1, 4.3) }}"),
    "header": ("page", '{% call c.header(evil, evil, [(evil, "/")]) %}<i>x</i>{% endcall %}'),
    "page_title": ("page", "{{ c.page_title(evil) }}"),
    "card": ("page", '{% call c.card(evil, "c1") %}x{% endcall %}'),
    "facts": ("page", '{{ c.facts([(evil, evil), ("gone", None)]) }}'),
    "empty": ("page", "{% call c.empty(evil) %}x{% endcall %}"),
    "banner": ("page", '{% call c.banner(evil, "problem", evil) %}x{% endcall %}'),
    "conflict": ("page", '{{ c.conflict(evil, evil, evil, evil, "/x", {"version": 2}) }}'),
    "disclosure": ("page", "{% call c.disclosure(evil) %}x{% endcall %}"),
    "table": ("tables", '{% call c.table(evil, [evil, (evil, "end")], tall=True) %}<tr><td>1</td></tr>{% endcall %}'),
    "pagination": ("tables", '{{ c.pagination(1, 60, 5000, None, "/n", evil) }}'),
    "filter_bar": ("tables", '{% call c.filter_bar("/j", "/j", evil, "#l") %}x{% endcall %}'),
    "compare": ("tables", '{{ c.compare(evil, [evil], [(evil, [c.difference(-3, evil, "down")])]) }}'),
    "reasons": ("reasons", '{{ c.reasons([("blocks", evil), ("info", evil)], evil) }}'),
    "contributions": ("reasons", "{{ c.contributions(evil, [(evil, 14, evil), (evil, -5, None)], 9) }}"),
    "excluded": ("reasons", '{{ c.excluded([(4, evil, "/x"), (1, evil, None)], 2, 7) }}'),
    "progress": ("progress", "{{ c.progress(evil, 3, 9, evil) }}{{ c.load(23400, 28800) }}"),
    "band_chart": (
        "progress",
        "{{ c.band_chart(evil, evil, [(0, 1)], [(1, 4)], [(1, 2, 9)], [(1, 3, 6)], (evil, evil), (evil, evil)) }}",
    ),
    "line_chart": (
        "progress",
        '{{ c.line_chart(evil, evil, [(evil, [(0, 1), (2, 4)])], ("0 s", "2 s"), ("1", "4")) }}',
    ),
    "timeline": (
        "timeline",
        '{{ c.timeline([{"when": evil, "at": "2026-11-23T08:00Z", "what": evil, "who": evil}], evil) }}',
    ),
    "task_list": (
        "timeline",
        '{% call c.task_list(evil) %}{% call c.task(evil, "/x", evil, evil, evil, True) %}x{% endcall %}{% endcall %}',
    ),
    "heat": (
        "heat",
        '<table><tr>{{ c.heat_cell(1, "0.4", "/x", evil, True) }}{{ c.heat_cell(None, "-") }}</tr></table>'
        "{{ c.heat_legend() }}",
    ),
    "toast": ("messages", '{{ c.toast(evil, "good", "/undo", evil, {"change": 8}) }}'),
}

VOID = {"input", "br", "meta", "link", "img", "hr", "use", "path", "rect", "line", "circle"}


class Markup(HTMLParser):
    """Collects elements and complains about markup that does not nest."""

    def __init__(self, text: str) -> None:
        """Read the whole text."""
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.faults: list[str] = []
        self.feed(text)
        self.faults += [f"<{tag}> never ends" for tag in self.open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element that ends at once."""
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        """Close the innermost element, which must be this one."""
        if tag in VOID:
            return
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> closes something else")

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """Return the attributes of every element of a kind."""
        return [attrs for name, attrs in self.elements if name == tag]


def call(render: Render, name: str, evil: str) -> str:
    """Render one of the calls, with the same words wherever people may have typed them."""
    file, text = CALLS[name]
    return render(f'{{% import "components/{file}.html" as c %}}{text}', evil=evil)


@pytest.mark.parametrize("name", CALLS)
def test_macro_nests_escapes_and_obeys_the_content_policy(name: str, render: Render) -> None:
    text = call(render, name, EVIL)
    markup = Markup(text)
    assert markup.elements
    assert markup.faults == []
    assert not any(tag == "b" or "onclick" in attrs for tag, attrs in markup.elements)
    assert not any("style" in attrs or tag in ("style", "script") for tag, attrs in markup.elements)
    assert "undefined" not in text.lower()
    for form in (attrs for attrs in markup.all("form") if attrs.get("method") == "post"):
        assert form["action"]
        assert any(field.get("name") == "csrf_token" and field["value"] for field in markup.all("input"))


# Where each macro takes the name of an icon.
ICON_PLACE = {"icon": 0, "badge": 1, "empty": 1, "empty_note": 1, "button": 2, "link_button": 3, "post_button": 4}
# Names that macros choose by themselves, in tables of words.
CHOSEN = re.compile(r'"\w+": \("[^"]+", "([a-z-]+)", "|"(?:fits|costs|blocks|warning|problem|good|error)": "([a-z-]+)"')


def icons_named_in(source: str) -> set[str]:
    """Return the icons that a template asks for by name."""
    found = {name for pair in CHOSEN.findall(source) for name in pair if name}
    for call in Environment(extensions=["jinja2.ext.do"]).parse(source).find_all(nodes.Call):
        place = ICON_PLACE.get(call.node.name) if isinstance(call.node, nodes.Name) else None
        if place is None:
            continue
        given = [one.value for one in call.kwargs if one.key == "icon_name"] + call.args[place : place + 1]
        found |= {name for node in given for name in texts(node)}
    return found


def texts(node: nodes.Node | None) -> list[str]:
    """Return the texts an expression can be: itself, or either side of a choice."""
    if isinstance(node, nodes.CondExpr):
        return [*texts(node.expr1), *texts(node.expr2)]
    return [node.value] if isinstance(node, nodes.Const) and isinstance(node.value, str) and node.value else []


def test_every_icon_named_in_a_template_is_in_the_sprite(bare_app: Flask) -> None:
    templates = Path(str(bare_app.template_folder))
    sprite = (Path(str(bare_app.static_folder)) / "icons" / "sprite.svg").read_text()
    known = set(re.findall(r'<symbol id="([^"]+)"', sprite))
    named = {path.relative_to(templates): icons_named_in(path.read_text()) for path in templates.rglob("*.html")}
    assert {str(path): names - known for path, names in named.items() if names - known} == {}
    assert {"tick", "phone", "plus"} <= set().union(*named.values())


class VisitForm(Form):
    """One field of each kind that pages use."""

    title = StringField("Title", [InputRequired("Say what is needed.")], description="A few words.")
    note = StringField("Note", [Optional()])
    urgent = BooleanField("Urgent")
    kind = SelectField("Kind", choices=[SelectChoice("a", "A"), SelectChoice("b", "B")])
    reason = RadioField("Reason", choices=[SelectChoice("x", "No access"), SelectChoice("y", "Part missing")])
    skills = SelectMultipleField(
        "Skills",
        choices=[SelectChoice("1", "Gas"), SelectChoice("2", "Pumps")],
        widget=widgets.ListWidget(prefix_label=False),
        option_widget=widgets.CheckboxInput(),
    )
    version = HiddenField()


FIELD_PAGE = """{% from "components/forms.html" import field, error_summary %}{{ error_summary(form) }}
{% for one in form %}{{ field(one) }}{% endfor %}"""


def test_fields_tie_label_hint_and_error_to_the_control(render: Render) -> None:
    form = VisitForm(data={})
    assert not form.validate()
    markup = Markup(render(FIELD_PAGE, form=form))
    assert markup.faults == []
    title = next(one for one in markup.all("input") if one.get("name") == "title")
    assert title["aria-invalid"] == "true"
    assert title["aria-describedby"] == "title-hint title-error"
    ids = [attrs["id"] for _, attrs in markup.elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert {"title-hint", "title-error", "reason", "skills"} <= set(ids)
    labelled = {one["for"] for one in markup.all("label")}
    for control in markup.all("input") + markup.all("select"):
        if control.get("type") != "hidden":
            assert control["id"] in labelled
    assert {one["href"] for one in markup.all("a")} >= {"#title"}


def test_a_form_without_errors_has_no_summary(render: Render) -> None:
    assert "There is a problem" not in render(FIELD_PAGE, form=VisitForm(data={"title": "Boiler"}))


def test_optional_fields_say_so(render: Render) -> None:
    text = render('{% from "components/forms.html" import field %}{{ field(form.note) }}', form=VisitForm())
    assert "(optional)" in text


def test_contribution_bars_share_one_scale(render: Render) -> None:
    markup = Markup(call(render, "contributions", "x"))
    bars = markup.all("rect")
    assert (bars[0]["x"], bars[0]["width"], bars[0]["class"]) == ("0", "100.0", "cost")
    assert (bars[1]["x"], bars[1]["width"], bars[1]["class"]) == ("-35.7", "35.7", "gain")


@pytest.mark.parametrize(
    ("amount", "good", "words"), [(4, "up", "better"), (-4, "up", "worse"), (-4, "down", "better")]
)
def test_a_difference_is_told_by_word_and_arrow(amount: int, good: str, words: str, render: Render) -> None:
    call = '{% from "components/tables.html" import difference %}{{ difference(amount, "4 promises", good) }}'
    text = render(call, amount=amount, good=good)
    assert re.sub("<[^>]+>", "", text).split() == ["4", "promises", words]
    assert ("#arrow-up" in text) == (amount > 0)


PAGE = """{% extends "base.html" %}{% block title %}Jobs{% endblock %}{% block content %}<h1>Jobs</h1>{% endblock %}"""


def test_base_shows_only_what_it_was_given(render: Render) -> None:
    text = render(PAGE)
    markup = Markup(text)
    assert markup.faults == []
    assert not any(one.get("aria-label") == "Main" for one in markup.all("nav"))
    for absent in ("New job", "Search", "Sign out", "Help", "Colours"):
        assert absent not in text
    top = markup.all("html")[0]
    assert json.loads(top.pop("data-keys"))["next"] == "j"
    assert top == {"lang": "en", "dir": "ltr", "data-theme": "dark", "data-density": "compact"}


def test_base_with_everything(render: Render) -> None:
    flash({"text": "Moved to Cem.", "undo_url": "/undo", "fields": {"change": 8}}, "good")
    flash("Saved.")
    text = render(
        PAGE,
        navigation=[("Today", "/board", "today", True, 0), ("Loose ends", "/loose-ends", "loose-ends", False, 7)],
        new_job_url="/jobs/new",
        search_url="/search",
        help_url="/help",
        theme_url="/me/theme",
        account_name="Ines",
        account_links=[("Sign-in and security", "/me", "key")],
        asset_version="abc",
    )
    markup = Markup(text)
    assert markup.faults == []
    ids = [attrs["id"] for _, attrs in markup.elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert [one["href"] for one in markup.all("a") if one.get("aria-current") == "page"] == ["/board"]
    assert "app.css?v=abc" in text
    assert 'name="change" value="8"' in text
    assert "Saved." in text
    assert not any("style" in attrs or "onclick" in attrs for _, attrs in markup.elements)
    assert all("src" in one for one in markup.all("script"))


@pytest.mark.parametrize("code", [400, 401, 403, 404, 405, 409, 413, 422, 429, 500, 503, 418])
def test_error_pages_say_what_is_safe_and_what_to_do(code: int, render: Render) -> None:
    page = render('{% include "errors/error.html" %}', code=code, reference="R-1")
    assert page.count("<h1>") == 1
    assert "R-1" in page
    assert "Something went wrong" not in page
    part = render('{% include "errors/fragment.html" %}', code=code, message="Ana was booked by Ines.")
    assert "Ana was booked by Ines." in part
    assert "<html" not in part


PARTIAL = '{% from "components/messages.html" import flashes_partial %}{{ flashes_partial() }}'


def test_messages_reach_a_fragment(render: Render) -> None:
    flash("Saved.", "good")
    text = render(PARTIAL)
    assert 'hx-target="#messages"' in text
    assert "Saved." in text


def test_a_fragment_without_messages_carries_none(render: Render) -> None:
    assert render(PARTIAL).strip() == ""
