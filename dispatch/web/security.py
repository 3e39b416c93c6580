"""Who may call which view: declared on the view, checked before it runs, refused when nothing is declared."""

import logging
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar
from urllib.parse import parse_qsl, urlsplit

from flask import Flask, Response, current_app, g, redirect, request, session, url_for
from werkzeug.exceptions import BadRequest, HTTPException, RequestEntityTooLarge
from werkzeug.routing import RequestRedirect
from werkzeug.wrappers import Response as AnyResponse

from dispatch.accounts.access import Actor, Right, refusal
from dispatch.core.audit import CHANNEL
from dispatch.core.errors import Forbidden
from dispatch.web.browser_session import BrowserSession
from dispatch.web.context import find_actor, remember_actor
from dispatch.web.identity import load_actor

log = logging.getLogger("dispatch.web")
View = TypeVar("View", bound=Callable[..., Any])
_NEXT = "next"
MOST_PHOTO_BYTES = 16 * 1024 * 1024


class Rule(NamedTuple):
    """Who may call a view: everybody, everybody signed in, or who holds the right."""

    right: Right | None
    public: bool = False
    own: bool = False

    def lets_in(self, actor: Actor | None) -> bool:
        """Say whether a person, or a visitor, gets past the guard."""
        if self.public:
            return True
        if actor is None:
            return False
        if self.right is None:
            return True
        return actor.may(self.right) if self.own else actor.reaches_others(self.right)


PUBLIC = Rule(None, public=True)
SIGNED_IN = Rule(None)

# Views that libraries bring along. What is not here and carries no declaration stays shut.
DECLARED: dict[str, Rule] = {
    "static": PUBLIC,
    "security.login": PUBLIC,
    "security.logout": PUBLIC,
    "security.forgot_password": PUBLIC,
    "security.reset_password": PUBLIC,
    "security.change_password": SIGNED_IN,
}


def permission(right: Right | str, *, own: bool = False) -> Callable[[View], View]:
    """Let a view be called by those who hold a right somewhere; the service checks the thing itself.

    A right over oneself is not enough for a page about everybody: with ``own`` it is, and the view must then keep to
    the person's own things.
    """
    rule = Rule(Right(right), own=own)

    def declare(view: View) -> View:
        view.access_rule = rule  # type: ignore[attr-defined]  # functions carry attributes
        return view

    return declare


def public(view: View) -> View:
    """Let everybody call a view, signed in or not."""
    view.access_rule = PUBLIC  # type: ignore[attr-defined]  # functions carry attributes
    return view


def signed_in(view: View) -> View:
    """Let everybody who is signed in call a view."""
    view.access_rule = SIGNED_IN  # type: ignore[attr-defined]  # functions carry attributes
    return view


def repeatable(view: View) -> View:
    """Let a view that changes something run again after a deadlock: it has no effect outside the database."""
    view.repeatable = True  # type: ignore[attr-defined]  # functions carry attributes
    return view


def takes_photos(view: View) -> View:
    """Let people who are signed in send this view as much as the photo of a phone; all others take less."""
    view.takes_photos = True  # type: ignore[attr-defined]  # functions carry attributes
    return view


def rule_of(app: Flask, endpoint: str) -> Rule | None:
    """Return what is declared for an endpoint, None when nothing is."""
    return getattr(app.view_functions.get(endpoint), "access_rule", None) or DECLARED.get(endpoint)


def may_open(endpoint: str) -> bool:
    """Say whether a page exists and who acts now may open it; menus ask."""
    rule = rule_of(current_app, endpoint) if endpoint in current_app.view_functions else None
    return rule is not None and rule.lets_in(find_actor())


def guard() -> AnyResponse | None:
    """Refuse what is not permitted, before anything of the view runs."""
    remember_actor(None)
    CHANNEL.set("web")
    endpoint = request.endpoint
    if endpoint == "static":
        return None
    if (
        getattr(current_app.view_functions.get(endpoint or ""), "takes_photos", False)
        and browser_session().user_id is not None
    ):
        request.max_content_length = MOST_PHOTO_BYTES
    _refuse_malformed()
    if endpoint is None:
        return None  # no such address: the router says so
    rule = rule_of(current_app, endpoint)
    if rule is None:
        log.error("The view %s declares no permission; it stays shut", endpoint)
        raise Forbidden("This page is not open to anybody yet.")
    if endpoint.startswith("health."):
        return None
    remember_actor(load_actor())
    actor = find_actor()
    if rule.public:
        return None
    if actor is None:
        return ask_to_sign_in()
    if rule.right is not None and not rule.lets_in(actor):
        raise Forbidden(refusal(rule.right, own=rule.own))
    return None


def _refuse_malformed() -> None:
    """Refuse what no field may hold: a NUL can not be stored, and reaching the database it would be our error."""
    values: list[str] = [request.path, *request.args.keys(), *request.args.values()]
    if request.mimetype == "application/x-www-form-urlencoded":
        # The parser limits multipart forms only; this kind is read whole, so its announced length decides.
        length, most = request.content_length or 0, current_app.config["MAX_FORM_MEMORY_SIZE"]
        if length > most:
            raise RequestEntityTooLarge
    if request.mimetype in ("application/x-www-form-urlencoded", "multipart/form-data"):
        values.extend(request.form.keys())
        for listed in request.form.listvalues():
            values.extend(listed)
    if any("\x00" in value for value in values):
        raise BadRequest("Something that was sent holds an invisible character. Type it again.")


def ask_to_sign_in() -> AnyResponse:
    """Send a person to the sign-in page, remembering where they were; answer scripts with 401."""
    if request.method == "GET" and not wants_part() and request.view_args is not None:
        session[_NEXT] = [request.full_path if request.query_string else request.path]
    sign_in = url_for("security.login")
    if wants_part():
        answer = Response(status=401)
        answer.headers["HX-Redirect"] = sign_in
        return answer
    if wants_json() or request.accept_mimetypes.best == "text/event-stream":
        return Response(status=401)
    return redirect(sign_in, 303)


def wants_part() -> bool:
    """Say whether htmx asked for a part of a page rather than the page."""
    return "HX-Request" in request.headers and request.headers.get("HX-Request-Type") != "full"


def wants_json() -> bool:
    """Say whether one of our scripts asked for data."""
    return request.is_json or request.accept_mimetypes.best == "application/json"


def landing() -> str:
    """Return the address to go to after signing in: where the person wanted to go, else home."""
    wanted = session.pop(_NEXT, None)
    target = safe_target(wanted[0]) if isinstance(wanted, list) and wanted else None
    return target or url_for("account.home")


def safe_target(path: str | None) -> str | None:
    """Return an address of ours built anew from the name of its route, None when the text is no page of ours.

    Nothing of the text survives but arguments of that route and its query, so no other host can be meant.
    """
    if not path or len(path) > 2000:
        return None
    try:
        parts = urlsplit(path)
        if parts.scheme or parts.netloc:
            return None
        adapter = current_app.create_url_adapter(request)
        assert adapter is not None
        endpoint, arguments = adapter.match(parts.path, method="GET")
    except (ValueError, HTTPException, RequestRedirect):
        return None
    if endpoint == "static" or endpoint.startswith(("security.", "health.")):
        return None
    query: dict[str, list[str]] = {}
    for name, value in parse_qsl(parts.query, max_num_fields=50):
        if name not in arguments and not name.startswith("_"):
            query.setdefault(name, []).append(value)
    return url_for(str(endpoint), **{**query, **arguments})


def browser_session() -> BrowserSession:
    """Return this browser's session with its own methods."""
    inner = session._get_current_object()  # type: ignore[attr-defined]  # the proxy hides the object
    assert isinstance(inner, BrowserSession)
    return inner


_POLICY = {
    "default-src": "'self'",
    "style-src": "'self'",
    "script-src": "'self'",
    "img-src": "'self' data:",
    "connect-src": "'self'",
    "object-src": "'none'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
    "form-action": "'self'",
}
_HEADERS = {
    "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in _POLICY.items()),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), geolocation=(self), microphone=(), payment=(), usb=()",
}


def add_headers(response: Response) -> Response:
    """Set the headers that every answer carries; pages are never kept by anybody on the way."""
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    if current_app.config["SESSION_COOKIE_SECURE"]:
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
    if request.endpoint == "static":
        kept = "public, max-age=31536000, immutable" if "v" in request.args else "no-cache"
        response.headers["Cache-Control"] = kept
    else:
        response.headers["Cache-Control"] = "no-store"  # the sign-in library writes what no cache understands
        response.vary.add("Cookie")
        response.vary.add("HX-Request")
    if g.get("clear_site_data"):
        response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response
