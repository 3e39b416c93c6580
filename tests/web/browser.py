"""A browser stand-in: follows links and forms as people do and checks every page on the way."""

import json
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin, urlsplit

from flask.testing import FlaskClient
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.routing import RequestRedirect
from werkzeug.test import TestResponse

from dispatch.app import Web

_VOID = frozenset(
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"]
)
_UNLABELLED = frozenset({"hidden", "submit", "button", "image", "reset"})


@dataclass
class Form:
    """One form of a page with the values it would send."""

    action: str
    method: str
    fields: dict[str, list[str]] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    buttons: list[tuple[str, str, str]] = field(default_factory=list)  # name, value, words
    in_element: str = ""


@dataclass
class Page(HTMLParser):
    """What a checker needs to know of a page."""

    html: str
    title: str = ""
    headings: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    fors: set[str] = field(default_factory=set)
    controls: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    forms: list[Form] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._open: list[str] = []
        self._capture: str | None = None
        self._form: Form | None = None
        self._labels = 0
        self._select: str | None = None
        self._area: str | None = None
        self._button: tuple[str, str] | None = None
        self._buffer = ""
        self.feed(self.html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what the tag brings."""
        values = {name: value or "" for name, value in attrs}
        if tag not in _VOID:
            self._open.append(tag)
        if "id" in values:
            self.ids.append(values["id"])
        self._faults_of(tag, values)
        if tag in ("title", "h1"):
            self._capture, self._buffer = tag, ""
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        if tag in ("script", "img", "link") and (values.get("src") or values.get("href")):
            self.sources.append(values.get("src") or values["href"])
        if tag == "label":
            self._labels += 1
            if "for" in values:
                self.fors.add(values["for"])
        if tag == "form":
            self._form = Form(action=values.get("action", ""), method=values.get("method", "get").lower())
            self.forms.append(self._form)
        if tag in ("input", "select", "textarea", "button"):
            self._control(tag, values)
        if tag == "option" and self._select and self._form is not None:
            chosen = self._form.fields.setdefault(self._select, [])
            if "selected" in values or not chosen:
                self._form.fields[self._select] = [values.get("value", "")]

    def _faults_of(self, tag: str, values: dict[str, str]) -> None:
        if "style" in values:
            self.faults.append(f"<{tag}> carries inline style")
        if any(name.startswith(("on", "hx-on")) for name in values):
            self.faults.append(f"<{tag}> carries inline script")
        if tag == "style":
            self.faults.append("a style element in the page")
        if tag == "script" and "src" not in values and values.get("type") not in ("application/json", "text/template"):
            self.faults.append("a script element with code in the page")
        if tag == "img" and "alt" not in values:
            self.faults.append("an image without alternative text")
        if values.get("href", "").strip().lower().startswith("javascript:"):
            self.faults.append("a link that runs a script")

    def _control(self, tag: str, values: dict[str, str]) -> None:
        kind = values.get("type", "text" if tag == "input" else tag)
        name = values.get("name", "")
        if tag == "button":
            self._button, self._buffer = (name, values.get("value", "")), ""
            return
        if kind not in _UNLABELLED:
            self.controls.append((name, values | {"_in_label": "yes" if self._labels else ""}))
        if self._form is None or not name:
            return
        self._form.names.add(name)
        if tag == "select":
            self._select = name
        elif tag == "textarea":
            self._area, self._buffer = name, ""
        elif kind in ("checkbox", "radio"):
            if "checked" in values:
                self._form.fields.setdefault(name, []).append(values.get("value", "on"))
        elif kind not in ("submit", "button", "image", "file"):
            self._form.fields.setdefault(name, []).append(values.get("value", ""))

    def handle_data(self, data: str) -> None:
        """Collect words."""
        self._buffer += data
        if data.strip() and not {"script", "style"} & set(self._open):
            self.words.append(data.strip())

    def handle_endtag(self, tag: str) -> None:
        """Note what ends, and what ends in the wrong order."""
        if tag in _VOID:
            return
        if tag in self._open:
            while self._open and (top := self._open.pop()) != tag:
                if top not in ("li", "p", "option", "dt", "dd", "td", "th", "tr"):
                    self.faults.append(f"<{top}> is not closed before </{tag}>")
        if tag == self._capture:
            if tag == "title":
                self.title = self._buffer.strip()
            else:
                self.headings.append(self._buffer.strip())
            self._capture = None
        if tag == "label":
            self._labels -= 1
        if tag == "select":
            self._select = None
        if tag == "textarea" and self._area and self._form is not None:
            self._form.fields.setdefault(self._area, []).append(self._buffer.lstrip("\n"))
            self._area = None
        if tag == "button" and self._button is not None:
            if self._form is not None:
                self._form.buttons.append((*self._button, " ".join(self._buffer.split())))
            self._button = None
        if tag == "form":
            self._form = None

    @property
    def text(self) -> str:
        """All words of the page in one line."""
        return " ".join(" ".join(self.words).split())


class Browser:
    """Signs in, fetches, sends forms; every page is checked as it arrives."""

    def __init__(self, app: Web) -> None:
        self.app = app
        self.client: FlaskClient = app.test_client()
        self.where = "/"
        self.page: Page | None = None
        self.last: TestResponse | None = None
        self.who = ""
        # What leads where is asked once for each person; a page's own tests look at more.
        self._live: dict[tuple[str, str], int] = app.extensions.setdefault("tests_live_links", {})

    def get(self, path: str, status: int = 200, *, part: bool = False, follow: bool = False) -> Page:
        """Fetch a page and check it; ``part`` asks as htmx does."""
        headers = {"HX-Request": "true", "HX-Request-Type": "partial"} if part else {}
        response = self.client.get(path, headers=headers)
        while follow and response.status_code in (301, 302, 303):
            path = response.headers["Location"]
            response = self.client.get(path, headers=headers)
        return self._take(path, response, status, part=part)

    def data(self, path: str, status: int = 200) -> Any:
        """Fetch what our scripts fetch."""
        response = self.client.get(path, headers={"Accept": "application/json"})
        assert response.status_code == status, (path, response.status_code, response.get_data(as_text=True)[:400])
        return json.loads(response.data) if response.data else None

    def post(
        self, path: str, values: dict[str, Any] | None = None, status: int = 303, *, part: bool = False
    ) -> Page | str:
        """Send values with a token, as a form of this path would; returns the new address or the page."""
        headers = {"HX-Request": "true", "HX-Request-Type": "partial"} if part else {}
        response = self.client.post(path, data={"csrf_token": self.token(), **(values or {})}, headers=headers)
        if response.status_code == 303 and status == 303:
            self.last = response
            return response.headers["Location"]
        return self._take(path, response, status, part=part)

    def token(self) -> str:
        """Return a token for forms of this browser's session."""
        if self.page is None or 'name="csrf-token"' not in self.page.html:
            self.get("/me", follow=True)
        assert self.page is not None
        found = re.search(r'name="csrf-token" content="([^"]+)"', self.page.html)
        assert found, "the page carries no token"
        return found.group(1)

    def send(
        self, values: dict[str, Any] | None = None, *, action: str = "", button: str = "", status: int = 303
    ) -> Page | str:
        """Fill in and send a form of the page last fetched, found by the end of its action or by its button."""
        form = self.form(action=action, button=button)
        unknown = set(values or {}) - form.names - {name for name, _, _ in form.buttons}
        assert not unknown, f"the form has no field {unknown}; it has {sorted(form.names)}"
        filled: dict[str, Any] = {**form.fields, **(values or {})}
        filled |= {name: value for name, value, words in form.buttons if button and button in words and name}
        path = urljoin(f"http://localhost{self.where}", form.action or self.where)
        target = urlsplit(path).path + (f"?{urlsplit(path).query}" if urlsplit(path).query else "")
        response = self.client.post(target, data=filled)
        if response.status_code == 303 and status == 303:
            self.last = response
            return response.headers["Location"]
        return self._take(target, response, status, part=False)

    def form(self, *, action: str = "", button: str = "") -> Form:
        """Return the one form of the page that sends to an action or carries a button."""
        assert self.page is not None, "fetch a page first"
        found = [
            form
            for form in self.page.forms
            if form.method == "post"
            and (not action or form.action.split("?")[0].endswith(action))
            and (not button or any(button in words for _, _, words in form.buttons))
            and (action or button or not form.action.endswith(("/me/theme", "/sign-out", "/steps/undo", "/steps/redo")))
        ]
        assert len(found) >= 1, f"no form {action or button!r} on {self.where}: {[f.action for f in self.page.forms]}"
        assert len(found) == 1 or action or button, f"several forms on {self.where}: {[f.action for f in found]}"
        return found[0]

    def sign_in(self, email: str, password: str) -> None:
        """Sign in through the form and land on the first page."""
        self.get("/sign-in")
        self.send({"email": email, "password": password})
        self.who = email
        self.page = None  # its token was for the visitor, not for the person

    def _take(self, path: str, response: TestResponse, status: int, *, part: bool) -> Page:
        text = response.get_data(as_text=True)
        if response.status_code != status:
            shown = Page(text).text if response.mimetype == "text/html" else text
            raise AssertionError(
                f"{path} answered {response.status_code} {response.headers.get('Location', '')}: {shown[:1500]}"
            )
        self.last = response
        self.where = path
        page = Page(text)
        if not part:
            self.page = page
        if response.mimetype == "text/html" and text:
            self._check(page, response, part=part)
        return page

    def _check(self, page: Page, response: TestResponse, *, part: bool) -> None:
        faults = list(page.faults)
        if not part:
            if not page.title or page.title.startswith("·"):
                faults.append("no title")
            if len(page.headings) != 1 or not page.headings[0]:
                faults.append(f"h1 should be there once with words: {page.headings}")
            if "<html lang=" not in page.html:
                faults.append("no language")
        twice = sorted({name for name in page.ids if page.ids.count(name) > 1})
        if twice:
            faults.append(f"ids twice: {twice}")
        for name, values in page.controls:
            labelled = values.get("aria-label") or values.get("aria-labelledby") or values["_in_label"]
            if not labelled and values.get("id") not in page.fors:
                faults.append(f"the field {name or values} has no label")
        for form in page.forms:
            if form.method == "post" and not form.fields.get("csrf_token", [""])[0]:
                faults.append(f"the form to {form.action or 'itself'} has no token")
            fault = self._dead(form.action or self.where, form.method.upper())
            if fault:
                faults.append(f"a form sends to {form.action}: {fault}")
        for link in {*page.links, *page.sources}:
            fault = self._dead(link, "GET", ids=page.ids)
            if fault:
                faults.append(f"a link leads to {link}: {fault}")
        policy = response.headers.get("Content-Security-Policy", "")
        if "unsafe" in policy or "default-src 'self'" not in policy:
            faults.append(f"content policy: {policy!r}")
        assert not faults, f"{self.where}: {faults}"

    def _dead(self, address: str, method: str, ids: list[str] | None = None) -> str | None:
        """Say why an address is no page of ours, None when it is, or when it leaves the site on purpose."""
        if address.startswith("#"):
            return None if ids is None or address == "#" or address[1:] in ids else "no such place on the page"
        parts = urlsplit(urljoin(f"http://localhost{self.where}", address))
        if parts.scheme in ("tel", "sms", "mailto", "geo") or (parts.scheme == "https" and parts.netloc != "localhost"):
            return None
        if parts.netloc != "localhost":
            return "leaves the site without encryption"
        adapter = self.app.url_map.bind("localhost")
        try:
            adapter.match(parts.path, method=method)
        except RequestRedirect:
            return "answers with a redirect to its own other spelling"
        except MethodNotAllowed:
            return f"does not take {method}"
        except HTTPException:
            return "no route"
        if method != "GET" or "/sign-out" in parts.path or parts.path.endswith("/events"):
            return None
        if parts.path.startswith("/static/"):
            file = self.app.root_path + parts.path
            return None if "/static/dist/" in file or __import__("os").path.exists(file) else "no such file"
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        key = (self.who, target)
        if key not in self._live:
            self._live[key] = self.client.get(target).status_code
        # A page that fails for a reason of its own fails its own tests; a link must lead somewhere permitted.
        return f"answers {self._live[key]}" if self._live[key] in (403, 404, 405, 410) else None


def bars_of(day: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the visits of a board's data, which come as a table."""
    return [dict(zip(day["bars"]["columns"], row, strict=True)) for row in day["bars"]["rows"]]
