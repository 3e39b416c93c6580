"""Signing in and out and forgotten passwords: Flask-Security on our tables, sessions and words."""

from contextlib import nullcontext
from datetime import timedelta
from typing import Any

from flask import Flask, Response, current_app, flash, g, redirect, render_template, request, url_for
from flask_security import (
    Security,
    current_user,
    login_user,
    logout_user,
    password_changed,
    password_reset,
    user_authenticated,
)
from flask_security.recoverable import generate_reset_link
from werkzeug.wrappers import Response as AnyResponse

from dispatch.accounts import passwords, sessions, throttle
from dispatch.core.audit import Change, record
from dispatch.web import mail
from dispatch.web.context import db, moment, services
from dispatch.web.security import browser_session, landing
from dispatch.web.sign_in_forms import ForgottenForm, NewPasswordForm, OtherPasswordForm, PasswordRules, SignInForm
from dispatch.web.sign_in_store import People, SignedIn
from dispatch.web.words import _, _l

RESET_WITHIN = timedelta(hours=1)

_WORDS: dict[str, tuple[str, str]] = {
    "PASSWORD_RESET_EXPIRED": ("This link is older than one hour. Ask for a new one below.", "problem"),
    "INVALID_RESET_PASSWORD_TOKEN": (
        "This link was used already or is incomplete. Ask for a new one below.",
        "problem",
    ),
    "PASSWORD_RESET_NO_LOGIN": ("Your password is changed. Sign in with it.", "good"),
    "PASSWORD_CHANGE": ("Your password is changed. Other devices were signed out.", "good"),
    "INVALID_PASSWORD": ("This is not your password.", "problem"),
    "PASSWORD_NOT_PROVIDED": ("Enter your password so far.", "problem"),
    "PASSWORD_IS_THE_SAME": ("This is the password you have already.", "problem"),
    "RETYPE_PASSWORD_MISMATCH": ("The two are not the same.", "problem"),
}


def configure(app: Flask, *, mail_sender: str) -> None:
    """Set everything the library reads."""
    app.config.update(
        {
            "SECURITY_PASSWORD_HASH": "argon2",
            "SECURITY_PASSWORD_SCHEMES": ["argon2"],
            "SECURITY_PASSWORD_SINGLE_HASH": {"argon2"},
            "SECURITY_PASSWORD_HASH_PASSLIB_OPTIONS": {
                "argon2__rounds": passwords.ROUNDS,
                "argon2__memory_cost": passwords.MEMORY_KIB,
                "argon2__parallelism": passwords.LANES,
            },
            "SECURITY_DEPRECATED_PASSWORD_SCHEMES": [],
            # Only a link holds this digest, and of a hash at that; a slow one would tell known addresses by the clock.
            "SECURITY_HASHING_SCHEMES": ["hex_sha256"],
            "SECURITY_PASSWORD_LENGTH_MIN": passwords.SHORTEST,
            "SECURITY_RECOVERABLE": True,
            "SECURITY_CHANGEABLE": True,
            "SECURITY_REGISTERABLE": False,
            "SECURITY_LOGIN_URL": "/sign-in",
            "SECURITY_LOGOUT_URL": "/sign-out",
            "SECURITY_RESET_URL": "/password/forgotten",
            "SECURITY_CHANGE_URL": "/password",
            "SECURITY_STATIC_FOLDER": None,
            "SECURITY_LOGIN_USER_TEMPLATE": "account/sign_in.html",
            "SECURITY_RESET_PASSWORD_TEMPLATE": "account/new_password.html",
            "SECURITY_CHANGE_PASSWORD_TEMPLATE": "account/password.html",
            "SECURITY_EMAIL_TEMPLATE_PASSWORD_RESET_NOTICE": "account/mail/changed",
            "SECURITY_EMAIL_TEMPLATE_PASSWORD_CHANGE_NOTICE": "account/mail/changed",
            "SECURITY_EMAIL_SUBJECT_PASSWORD_NOTICE": _l("Your password for Extramile was changed"),
            "SECURITY_EMAIL_SUBJECT_PASSWORD_CHANGE_NOTICE": _l("Your password for Extramile was changed"),
            "SECURITY_EMAIL_HTML": False,
            "SECURITY_EMAIL_SENDER": mail_sender,
            "SECURITY_RESET_PASSWORD_WITHIN": RESET_WITHIN,
            "SECURITY_API_ENABLED_METHODS": ["session"],
            "SECURITY_POST_CHANGE_VIEW": "account.show",
            "SECURITY_POST_RESET_VIEW": "security.login",
            "SECURITY_POST_LOGIN_VIEW": "account.home",
            "SECURITY_POST_LOGOUT_VIEW": "security.login",
            **{f"SECURITY_MSG_{key}": words for key, words in _WORDS.items()},
        }
    )


def init_app(app: Flask) -> None:
    """Bring the library in and close those of its doors that we do not use."""
    security = Security(
        app,
        People(),
        reset_password_form=NewPasswordForm,
        change_password_form=OtherPasswordForm,
        password_util_cls=PasswordRules,
        mail_util_cls=mail.Post,
    )
    security.want_json(lambda _request: False)
    # No tokens in headers or addresses, and no person loaded for pages that need none.
    app.login_manager._request_callback = None  # type: ignore[attr-defined]  # set by the extension
    app.login_manager.session_protection = None  # type: ignore[attr-defined]  # set by the extension
    security.principal.identity_loaders.clear()
    views: dict[str, Any] = {
        "security.login": sign_in,
        "security.logout": sign_out,
        "security.forgot_password": forgotten,
        "security.reset_password": _in_our_manner(app.view_functions["security.reset_password"]),
        "security.change_password": _in_our_manner(app.view_functions["security.change_password"]),
    }
    app.view_functions.update(views)
    user_authenticated.connect(_signed_in, app)
    password_changed.connect(_password_set, app)
    password_reset.connect(_password_set, app)


def sign_in() -> AnyResponse | tuple[str, int] | str:
    """Show the form, check it, count the tries."""
    if current_user.is_authenticated:
        return redirect(landing(), 303)
    form = SignInForm()
    if not form.is_submitted():
        return render_template("account/sign_in.html", form=form)
    if not form.validate():
        return render_template("account/sign_in.html", form=form), 422
    email, network = str(form.email.data), throttle.network_of(request.remote_addr)
    with services().sessions() as counting, counting.begin():
        attempt, wait_s = throttle.begin(counting, email=email, network=network, now=moment())
    if wait_s:
        minutes = -(-wait_s // 60)
        form.form_errors.append(
            _("There were many tries. Nothing is lost: wait %(minutes)s minutes, then try again.", minutes=minutes)
        )
        answer = current_app.make_response((render_template("account/sign_in.html", form=form), 429))
        answer.headers["Retry-After"] = str(wait_s)
        return answer
    user: SignedIn | None = current_app.extensions["security"].datastore.find_user(email=email)
    known = passwords.verify(user.row.password if user else None, str(form.password.data))
    if user is None or not known or not user.row.active:
        form.form_errors.append(_("This address and password do not belong together. Check both and try again."))
        return render_template("account/sign_in.html", form=form), 422
    if passwords.outdated(user.row.password or ""):
        user.row.password = passwords.hash_password(str(form.password.data))
    with services().sessions() as counting, counting.begin():
        throttle.succeeded(counting, attempt, email=email, network=network, now=moment())
    g.sign_in_keep = bool(form.keep.data)
    login_user(user, remember=False, authn_via=["password"])
    return redirect(landing(), 303)


def sign_out() -> AnyResponse:
    """End this browser's session."""
    if current_user.is_authenticated:
        logout_user()
        browser_session().sign_out()
        g.clear_site_data = True
    flash(_("You are signed out."), "good")
    return redirect(url_for("security.login"), 303)


def forgotten() -> AnyResponse | tuple[str, int] | str:
    """Send a link for a new password; the answer is the same whether the address is known or not."""
    form = ForgottenForm()
    if not form.is_submitted():
        return render_template("account/forgotten.html", form=form)
    if not form.validate():
        return render_template("account/forgotten.html", form=form), 422
    email = str(form.email.data)
    with services().sessions() as counting, counting.begin():
        allowed = throttle.may_send_reset(
            counting, email=email, network=throttle.network_of(request.remote_addr), now=moment()
        )
    user: SignedIn | None = current_app.extensions["security"].datastore.find_user(email=email)
    if allowed and user is not None and user.row.active:
        link, _token = generate_reset_link(user)  # type: ignore[no-untyped-call]  # the library types only a part
        body = render_template("account/mail/forgotten.txt", name=user.row.name, link=link)
        mail.sender(current_app).send_later(_("A new password for Extramile"), body, user.row.email)
    flash(
        _("If %(email)s belongs to an account, a link is on its way. It works once and for one hour.", email=email),
        "good",
    )
    return redirect(url_for("security.login"), 303)


def _in_our_manner(view: Any) -> Any:
    """Let a view of the library answer 303 after a change and 422 to a refused form, one hashing at a time."""

    def answer(**arguments: Any) -> Response:
        with passwords.turn() if request.method == "POST" else nullcontext():
            response = current_app.make_response(view(**arguments))
        if response.status_code == 302:
            response.status_code = 303
        elif response.status_code == 200 and request.method == "POST":
            response.status_code = 422
        return response

    return answer


def _signed_in(_app: Flask, user: SignedIn, **_rest: Any) -> None:
    session = browser_session()
    keep = g.get("sign_in_keep", bool(session.get("keep")))
    session.pop("csrf_token", None)
    g.pop("csrf_token", None)
    session.sign_in(user.row.id, keep=keep)


def _password_set(_app: Flask, user: SignedIn, **_rest: Any) -> None:
    """End every session of the person but this one, and write down that it happened."""
    sessions.revoke_all(db(), user.row.id)
    change = Change(at=moment(), actor_id=user.row.id, action="password", entity="user", entity_id=str(user.row.id))
    record(db(), change)
