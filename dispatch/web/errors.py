"""Every refusal and failure becomes one page, part of a page or JSON answer."""

import logging
import secrets
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, Response, current_app, jsonify, make_response, render_template, request
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm.exc import StaleDataError
from werkzeug.exceptions import HTTPException

from dispatch.accounts.passwords import TooBusy
from dispatch.core.errors import Conflict, Forbidden, Invalid, NotFound, ServiceError
from dispatch.planning.retries import sqlstate
from dispatch.web.context import db
from dispatch.web.security import safe_target, wants_json, wants_part
from dispatch.web.words import _

log = logging.getLogger("dispatch.web")

SERVICE_CODES: dict[type[ServiceError], int] = {NotFound: 404, Forbidden: 403, Conflict: 409, Invalid: 422}
RETRY_AFTER_S = 5
BUSY = frozenset({"55P03", "57014", "40001", "40P01", "53300", "53400", "57P01", "57P02", "57P03"})
_TAKEN = {
    "23P01": "Somebody else booked this person for that time a moment ago. Theirs stands, yours was not saved.",
    "23505": "The same entry exists already, so this one was not saved. Look whether it is the one you mean.",
    "23503": "Something this refers to was removed a moment ago, so it was not saved. Load the page again.",
    "40001": "Somebody changed the same thing at the same moment. Theirs stands. Load the page and repeat the step.",
    "40P01": "Somebody changed the same thing at the same moment. Theirs stands. Load the page and repeat the step.",
}


def init_app(app: Flask) -> None:
    """Translate every kind of error in one place."""
    app.register_error_handler(ServiceError, _service)
    app.register_error_handler(CSRFError, _csrf)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(IntegrityError, _database)
    app.register_error_handler(OperationalError, _database)
    app.register_error_handler(DBAPIError, _database)
    app.register_error_handler(PoolTimeout, _away)
    app.register_error_handler(StaleDataError, _stale)
    app.register_error_handler(TooBusy, _busy)
    app.register_error_handler(Exception, _unknown)


def answer(code: int, message: str | None = None, *, reference: str | None = None, **more: Any) -> Response:
    """Return a refusal in the shape that was asked for."""
    _rest_the_database()
    if wants_json():
        body = {"error": message or _title(code), "code": code, "reference": reference, **more}
        response = jsonify(body)
    elif wants_part():
        response = make_response(
            render_template("errors/fragment.html", code=code, message=message, reference=reference)
        )
    else:
        retry = request.path if code in (429, 503) and request.method == "GET" else None
        response = make_response(
            render_template(
                "errors/error.html",
                code=code,
                message=message,
                reference=reference,
                retry_url=retry,
                back_url=None if retry else _came_from(),
            )
        )
    response.status_code = code
    if code == 503:
        response.headers["Retry-After"] = str(RETRY_AFTER_S)
    return response


def _came_from() -> str | None:
    """Return the page of ours that led here; a page that was asked for again leads nowhere."""
    try:
        parts = urlsplit(request.referrer or "")
    except ValueError:
        return None
    if parts.netloc != request.host or (request.method == "GET" and parts.path == request.path):
        return None
    return safe_target(f"{parts.path}?{parts.query}")


def _title(code: int) -> str:
    module = current_app.jinja_env.get_template("errors/words.html").make_module({})
    words = module.WORDS  # type: ignore[attr-defined]  # what the template sets, its module has
    return str(words.get(code, words[500])[1])


def _rest_the_database() -> None:
    """Leave nothing half done in the request's transaction; the page needs no more than reading."""
    try:
        db().rollback()
    except Exception:  # the database itself may be what failed, and the error page comes all the same
        log.debug("The transaction could not be rolled back", exc_info=True)


def _service(error: ServiceError) -> Response:
    code = next(code for kind, code in SERVICE_CODES.items() if isinstance(error, kind))
    field = {"field": error.field} if isinstance(error, Invalid) and error.field else {}
    # A thing out of reach and one that never was look alike, down to the last byte.
    return answer(code, None if code == 404 else error.message, **field)


def _csrf(_error: CSRFError) -> Response:
    words = _("This page was open so long, or came from elsewhere, that it was not sent. Load it and repeat the step.")
    return answer(403, words)


def _http(error: HTTPException) -> Response:
    code = error.code or 500
    if error.response is not None or code < 400:
        return make_response(error.get_response(request.environ))
    if code == 400 and error.description and type(error).description != error.description:
        return answer(400, error.description if not current_app.debug else None)
    response = answer(code)
    allow = error.get_headers() if code == 405 else []
    for name, value in allow:
        if name.lower() == "allow":
            response.headers["Allow"] = value
    return response


def _database(error: StatementError) -> Response:
    state = sqlstate(error)
    if state in _TAKEN:
        return answer(409, _TAKEN[state])
    if state in BUSY or (isinstance(error, OperationalError) and state is None):
        return _away(error)
    if state in ("22P02", "22003", "22007", "22008", "22021", "23514", "22P05"):
        log.warning("A value reached the database that no form should let through: %s", state)
        return answer(422)
    return _unknown(error)


def _stale(_error: StaleDataError) -> Response:
    return answer(409)


def _busy(error: TooBusy) -> Response:
    return answer(503, str(error))


def _away(error: Exception) -> Response:
    log.error("The database did not answer: %s", type(error).__name__)
    return answer(503)


def _unknown(error: Exception) -> Response:
    if current_app.testing and current_app.config.get("PROPAGATE_ERRORS"):
        raise error
    reference = secrets.token_hex(4)
    log.error("Reference %s: %s failed", reference, request.endpoint, exc_info=error)
    return answer(500, reference=reference)
