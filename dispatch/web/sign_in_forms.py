"""The forms around signing in."""

from typing import Any

from flask_security import PasswordUtil
from flask_security.forms import ChangePasswordForm, ResetPasswordForm
from wtforms import BooleanField, EmailField, PasswordField
from wtforms.validators import InputRequired, Length, Regexp

from dispatch.accounts import passwords
from dispatch.web.forms import Form
from dispatch.web.words import _, _l


class PasswordRules(PasswordUtil):
    """One set of rules for passwords, whoever sets them."""

    def normalize(self, password: str) -> str:
        """Return the form that is compared."""
        return passwords.normal(password)

    def validate(self, password: str, is_register: bool, **_rest: Any) -> tuple[list[str] | None, str]:
        """Return what is wrong, and the password in the form that is compared."""
        problem = passwords.fault(password)
        return ([problem] if problem else None), self.normalize(password)


class SignInForm(Form):
    """E-mail address and password."""

    email = EmailField(
        _l("E-mail address"),
        validators=[InputRequired(_l("Enter your e-mail address.")), Length(max=254)],
        render_kw={"autocomplete": "username"},
    )
    password = PasswordField(
        _l("Password"),
        validators=[
            InputRequired(_l("Enter your password.")),
            Length(max=passwords.LONGEST, message=_l("A password has at most 256 characters.")),
        ],
        render_kw={"autocomplete": "current-password"},
    )
    keep = BooleanField(_l("Keep me signed in for 30 days on this phone"))


class ForgottenForm(Form):
    """Asks for the address a link is sent to."""

    email = EmailField(
        _l("E-mail address"),
        validators=[
            InputRequired(_l("Enter your e-mail address.")),
            Length(max=254),
            Regexp(r"^\S+@\S+$", message=_l("This is no e-mail address.")),
        ],
        render_kw={"autocomplete": "email"},
    )


class NewPasswordForm(ResetPasswordForm):
    """A new password, typed twice."""

    submit = None  # type: ignore[assignment]  # our pages have a button of their own


class OtherPasswordForm(ChangePasswordForm):
    """The password so far and a new one."""

    submit = None  # type: ignore[assignment]  # our pages have a button of their own

    def validate(self, **kwargs: Any) -> bool:
        """Refuse what is too long before anything is computed from it."""
        if len(self.password.data or "") > passwords.LONGEST:
            self.password.errors = [_("This is not your password.")]
            return False
        return bool(super().validate(**kwargs))
