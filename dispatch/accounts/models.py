"""Who may sign in, what they may do where and when, and what the organisation agreed to."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, func, text
from sqlalchemy.dialects.postgresql import JSONB, Range
from sqlalchemy.orm import Mapped, mapped_column, relationship

from dispatch.core.db import Base, Choice, Id, Instant, Versioned, choice_check, days_check


class RoleName(StrEnum):
    """The roles a person can hold; rights add up."""

    TECHNICIAN = "technician"
    DISPATCHER = "dispatcher"
    MANAGER = "manager"
    ADMINISTRATOR = "administrator"


class Density(StrEnum):
    """How close the rows of tables and of the board stand."""

    COMFORTABLE = "comfortable"
    COMPACT = "compact"


class Role(Base):
    """A role of the permission table in ``access.py``."""

    __tablename__ = "role"

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(unique=True)
    description: Mapped[str]


class User(Base, Versioned):
    """Somebody who can sign in. A technician's user is linked from ``technician.user_id``."""

    __tablename__ = "user_account"
    __table_args__ = (
        Index("uq_user_account_email_lower", text("lower(email)"), unique=True),
        CheckConstraint("email LIKE '_%@_%'", name="email_has_at"),
        CheckConstraint("jsonb_typeof(keys) = 'object'", name="keys_by_shortcut"),
        choice_check("density", Density),
    )

    id: Mapped[Id]
    email: Mapped[str]
    name: Mapped[str]
    password: Mapped[str | None]
    active: Mapped[bool] = mapped_column(default=True, server_default="true")
    fs_uniquifier: Mapped[str] = mapped_column(unique=True)
    phone: Mapped[str | None]
    last_looked_at: Mapped[datetime | None]
    density: Mapped[Density] = mapped_column(Choice(Density), default=Density.COMFORTABLE, server_default="comfortable")
    single_keys: Mapped[bool] = mapped_column(default=True, server_default="true")
    keys: Mapped[dict[str, str]] = mapped_column(JSONB(), default=dict, server_default=text("'{}'"))
    created_at: Mapped[datetime] = mapped_column(Instant(), server_default=func.now())

    grants: Mapped[list["RoleGrant"]] = relationship(
        back_populates="user", lazy="raise", foreign_keys="RoleGrant.user_id"
    )
    roles: Mapped[list[Role]] = relationship(
        secondary="role_grant", viewonly=True, lazy="raise", primaryjoin="User.id == RoleGrant.user_id"
    )


class RoleGrant(Base):
    """A role given to a user, for one territory or all, for a while or for good."""

    __tablename__ = "role_grant"
    __table_args__ = (
        CheckConstraint("ends_on IS NULL OR ends_on > starts_on", name="ends_after_start"),
        Index("ix_role_grant_user_id", "user_id"),
        UniqueConstraint(
            "user_id",
            "role_id",
            "territory_id",
            "starts_on",
            name="uq_role_grant_once",
            postgresql_nulls_not_distinct=True,
        ),
    )

    id: Mapped[Id]
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    role_id: Mapped[int] = mapped_column(ForeignKey("role.id"))
    territory_id: Mapped[int | None] = mapped_column(ForeignKey("territory.id"))
    starts_on: Mapped[date]
    ends_on: Mapped[date | None]
    given_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))

    user: Mapped[User] = relationship(back_populates="grants", lazy="raise", foreign_keys=[user_id])
    role: Mapped[Role] = relationship(lazy="raise")


class UserSession(Base):
    """A signed-in browser; the cookie carries only a token whose hash is the key here."""

    __tablename__ = "user_session"

    token_hash: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"), index=True)
    data: Mapped[dict[str, Any]]
    user_agent: Mapped[str | None]
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(Instant(), index=True)


class LoginAttempt(Base):
    """A try to sign in, counted to slow guessing down across all processes."""

    __tablename__ = "login_attempt"
    __table_args__ = (
        Index("ix_login_attempt_email_at", "email", "at"),
        Index("ix_login_attempt_network_at", "network", "at"),
    )

    id: Mapped[Id]
    email: Mapped[str]
    network: Mapped[str]
    succeeded: Mapped[bool]
    at: Mapped[datetime]


class AgreementKind(StrEnum):
    """What needs a recorded agreement before the product does it."""

    OUTCOME_EVIDENCE = "outcome_evidence"
    PERFORMANCE_FIGURES = "performance_figures"
    LOCATION = "location"


class Agreement(Base):
    """The organisation's recorded agreement that something may be done, with scope and dates."""

    __tablename__ = "agreement"
    __table_args__ = (choice_check("kind", AgreementKind), days_check("valid"))

    id: Mapped[Id]
    kind: Mapped[AgreementKind] = mapped_column(Choice(AgreementKind))
    valid: Mapped[Range[date]]
    scope: Mapped[str]
    reference: Mapped[str]
    recorded_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    recorded_at: Mapped[datetime]


class Consent(Base):
    """One person's consent, given and withdrawn at any time."""

    __tablename__ = "consent"
    __table_args__ = (
        choice_check("kind", AgreementKind),
        CheckConstraint("withdrawn_at IS NULL OR withdrawn_at >= given_at", name="withdrawn_after_given"),
        Index("uq_consent_standing", "user_id", "kind", unique=True, postgresql_where=text("withdrawn_at IS NULL")),
    )

    id: Mapped[Id]
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    kind: Mapped[AgreementKind] = mapped_column(Choice(AgreementKind))
    given_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]
