"""A page with every component in its states, served under the real content policy for a real browser."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flask import Flask, Response, flash, render_template_string
from werkzeug.serving import make_server
from wtforms import BooleanField, Form, RadioField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Optional

POLICY = "default-src 'self'; style-src 'self'"
STATES = [
    "planned",
    "proposed",
    "accepted",
    "on_the_way",
    "on_site",
    "done",
    "cancelled",
    "could_not_do",
    "declined",
    "unassigned",
    "open",
    "waiting",
    "on_track",
    "at_risk",
    "will_miss",
    "kept",
    "missed",
    "valid",
    "expiring",
    "lapsed",
    "claimed",
    "confirmed",
    "contested",
    "draft",
    "running",
    "published",
    "superseded",
    "failed",
]
ROWS = [
    ("Boiler without hot water", "Hale Dental", 90, "at_risk"),
    ("Yearly lift inspection", "Harbour Offices", 120, "planned"),
    ("Leak under the sink in the staff kitchen of the second floor", "Mill Lane School", 45, "unassigned"),
]


class AskForm(Form):
    """Fields of each kind, one of them refused."""

    title = StringField(
        "What is needed", [InputRequired("Say in a few words what is needed.")], description="A few words."
    )
    note = TextAreaField("Care note", [Optional()])
    kind = SelectField("Kind of work", choices=[SelectChoice("a", "Repair"), SelectChoice("b", "Inspection")])
    urgent = BooleanField("Somebody is in danger or without heating")
    reason = RadioField("Reason", choices=[SelectChoice("x", "No access"), SelectChoice("y", "Part missing")])


def add_gallery(app: Flask) -> None:
    """Give an application the page at ``/gallery`` and the policy on every answer."""

    @app.after_request
    def policy(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = POLICY
        return response

    @app.get("/gallery")
    def gallery() -> str:
        form = AskForm(data={"kind": "a"})
        form.validate()
        flash({"text": "Moved to Cem, 10:15.", "undo_url": "/undo", "fields": {"change": 8}}, "good")
        return render_template_string(
            Path(__file__).with_name("gallery.html").read_text(),
            navigation=[
                ("Today", "/gallery", "today", True, 0),
                ("Jobs", "/gallery?jobs", "jobs", False, 0),
                ("Plan", "/gallery?plan", "plan", False, 0),
                ("People", "/gallery?people", "people", False, 0),
                ("Customers", "/gallery?customers", "customers", False, 0),
                ("Loose ends", "/gallery?loose", "loose-ends", False, 7),
            ],
            new_job_url="/jobs/new",
            search_url="/search",
            theme_url="/me/theme",
            account_name="Ines",
            home_url="/gallery",
            form=form,
            states=STATES,
            rows=ROWS,
        )

    @app.get("/search")
    def search() -> str:
        return '<p data-found="0">Type a few words.</p>'


@contextmanager
def serving(app: Flask) -> Iterator[str]:
    """Serve an application on a free loopback port and yield its address."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join(timeout=5)
