"""What Flask-Security sees of our people: a face in front of the row, found in the request's own transaction."""

from typing import Any

from flask_security import RoleMixin, UserMixin
from flask_security.datastore import UserDatastore
from sqlalchemy import ColumnElement, func

from dispatch.accounts import passwords
from dispatch.accounts.models import User
from dispatch.web.identity import find_person

_COLUMNS = frozenset({"id", "email", "name", "password", "active", "fs_uniquifier"})


class SignedIn(UserMixin):
    """A person as the library knows them."""

    fs_uniquifier: str = ""  # the library asks the class whether it has one
    row: User
    technician_id: int | None

    def __init__(self, row: User, technician_id: int | None) -> None:
        self.__dict__["row"] = row
        self.__dict__["technician_id"] = technician_id

    def __getattribute__(self, name: str) -> Any:
        if name in _COLUMNS:
            return getattr(self.row, name)
        return super().__getattribute__(name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in _COLUMNS:
            raise AttributeError(name)
        setattr(self.row, name, value)

    @property
    def roles(self) -> list[RoleMixin]:  # type: ignore[override]  # the library writes none
        """Rights are asked of the permission table, never of the library."""
        return []

    def verify_and_update_password(self, password: str) -> bool:
        """Check a password; it is stored anew when our parameters have grown."""
        stored = self.row.password
        if not passwords.verify(stored, password):
            return False
        if stored is not None and passwords.outdated(stored):
            self.row.password = passwords.hash_password(password)
        return True


class People(UserDatastore):
    """Finds people; changes are written with the request's transaction, not by the library."""

    def __init__(self) -> None:
        super().__init__(SignedIn, RoleMixin)

    def find_user(self, case_insensitive: bool = False, **criteria: Any) -> SignedIn | None:
        """Return the person with an address, or with the identifier a session or link carries."""
        criterion: ColumnElement[bool]
        if "email" in criteria:
            criterion = func.lower(User.email) == str(criteria["email"]).strip().lower()
        else:
            criterion = User.fs_uniquifier == str(criteria["fs_uniquifier"])
        found = find_person(criterion)
        return None if found is None else SignedIn(*found)

    def find_role(self, role: str) -> None:
        """Roles live in our own table."""
        return

    def put(self, model: Any) -> Any:
        """Nothing to do: the row belongs to the request's session."""
        return model

    def commit(self) -> None:
        """Nothing to do: the wrap around the view commits."""
