"""Engine, session and the column kinds that every table shares.

PostgreSQL core only: no extension is needed. Instants are aware; a naive datetime is refused before it reaches the
database. Relationships refuse lazy loading, so each query states what it loads.
"""

import logging
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from enum import StrEnum
from typing import Annotated, Any, ClassVar

from psycopg.errors import InsufficientPrivilege, InvalidParameterValue
from sqlalchemy import CheckConstraint, Dialect, Engine, Identity, MetaData, Text, create_engine, event, func, text
from sqlalchemy.dialects.postgresql import DATERANGE, JSONB, TSTZRANGE, ExcludeConstraint, Range
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, declared_attr, mapped_column, sessionmaker
from sqlalchemy.types import DateTime, Time, TypeDecorator

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
Id = Annotated[int, mapped_column(Identity(), primary_key=True)]  # a row number the database hands out
log = logging.getLogger(__name__)
APP_ROLE = "dispatch_app"  # without ownership; migration 0012 makes it where it may
LONGEST_STRETCH = "36 hours"  # an autumn day has 25 hours; nothing planned for one person lasts longer


class Instant(TypeDecorator[datetime]):
    """An aware datetime, stored as UTC; a naive one is refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive datetimes on their way in."""
        if value is not None and value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone; pass an aware datetime")
        return value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Hand out UTC whatever the session's time zone is."""
        return value.astimezone(UTC) if value is not None else None


class Base(DeclarativeBase):
    """Base of all tables."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        str: Text(),
        datetime: Instant(),
        time: Time(timezone=False),
        dict[str, Any]: JSONB(),
        list[Any]: JSONB(),
        Range[datetime]: TSTZRANGE(),
        Range[date]: DATERANGE(),
    }


class Choice(TypeDecorator[StrEnum]):
    """A StrEnum stored as text; pair it with :func:`choice_check`."""

    impl = Text
    cache_ok = True

    def __init__(self, kind: type[StrEnum]) -> None:
        super().__init__()
        self.kind = kind

    def process_bind_param(self, value: StrEnum | str | None, dialect: Dialect) -> str | None:
        """Accept the member or its text, refuse anything else."""
        return None if value is None else self.kind(value).value

    def process_result_value(self, value: str | None, dialect: Dialect) -> StrEnum | None:
        """Return the member."""
        return None if value is None else self.kind(value)


def choice_check(column: str, kind: type[StrEnum]) -> CheckConstraint:
    """Return the check that a text column holds one of the enum's values."""
    values = ", ".join(f"'{member.value}'" for member in kind)
    return CheckConstraint(f"{column} IN ({values})", name=f"{column}_known")


def stretch_check(column: str, longest: str | None = LONGEST_STRETCH) -> CheckConstraint:
    """Return the check that a time range is finite, half-open, not empty and not absurdly long.

    Written so that neither NULL nor infinity slips through: each part must be TRUE, and no bound is subtracted.
    """
    parts = [
        f"NOT isempty({column})",
        f"isfinite(lower({column}))",
        f"isfinite(upper({column}))",
        f"lower_inc({column})",
        f"NOT upper_inc({column})",
    ]
    if longest:
        parts.append(f"upper({column}) <= lower({column}) + interval '{longest}'")
    return CheckConstraint(f"({' AND '.join(parts)}) IS TRUE", name=f"{column}_usable")


def days_check(column: str) -> CheckConstraint:
    """Return the check that a range of days is given, half-open and not empty; it may have no end."""
    return CheckConstraint(
        f"(NOT isempty({column}) AND NOT lower_inf({column}) AND lower_inc({column})) IS TRUE", name=f"{column}_usable"
    )


def place_check(lat: str = "lat", lon: str = "lon") -> CheckConstraint:
    """Return the check that both coordinates are on the globe (also refuses NaN) or both are missing."""
    return CheckConstraint(
        f"({lat} IS NULL) = ({lon} IS NULL)"
        f" AND ({lat} IS NULL OR ({lat} BETWEEN -90 AND 90 AND {lon} BETWEEN -180 AND 180))",
        name=f"{lat}_{lon}_on_globe",
    )


def one_at_a_time(
    name: str, *owners: str, during: str = "during", where: str | None = None, deferrable: bool = False
) -> ExcludeConstraint:
    """Return the constraint that ranges of the same owner never overlap.

    ``owners`` are integer NOT NULL columns. ``int8range(x, x, '[]')`` stands in for equality, which core PostgreSQL's
    GiST lacks for plain integers; it must never see NULL, since an unbounded range overlaps everyone.
    """
    return ExcludeConstraint(
        *((text(f"int8range({owner}, {owner}, '[]')"), "&&") for owner in owners),
        (text(during), "&&"),
        name=name,
        using="gist",
        where=text(where) if where else None,
        deferrable=True if deferrable else None,
        initially="IMMEDIATE" if deferrable else None,
    )


class Versioned:
    """Optimistic locking: each UPDATE must carry the version it read and raise it by one (a trigger insists)."""

    version: Mapped[int] = mapped_column(default=1, server_default="1")

    @declared_attr.directive
    def __mapper_args__(cls) -> dict[str, Any]:  # noqa: N805 - SQLAlchemy passes the class
        """Let the session compare and raise the version with each UPDATE."""
        return {"version_id_col": cls.__table__.c.version}  # type: ignore[attr-defined]  # set by the mapper


def created_at() -> Mapped[datetime]:
    """Return a column filled with the transaction's time."""
    return mapped_column(Instant(), server_default=func.now())


def psycopg_url(url: str) -> str:
    """Return the address with the driver this project uses."""
    for prefix in ("postgresql://", "postgres://"):
        if url.startswith(prefix):
            return "postgresql+psycopg://" + url.removeprefix(prefix)
    return url


def make_engine(url: str, *, role: str | None = None, **options: Any) -> Engine:
    """Return an engine in UTC with timeouts; with ``role`` every connection gives up ownership rights first."""
    engine = create_engine(psycopg_url(url), pool_pre_ping=True, **options)

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        if role:
            _give_up_ownership(connection, role)
        with connection.cursor() as cursor:
            cursor.execute("SET TIME ZONE 'UTC'")
            cursor.execute("SET lock_timeout = '5s'")
            cursor.execute("SET idle_in_transaction_session_timeout = '60s'")
        connection.commit()

    return engine


def _give_up_ownership(connection: Any, role: str) -> None:
    """Go on as the application role; where it does not exist or may not be taken, go on as who signed in."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(f'SET ROLE "{role}"')
        connection.commit()
    except (InsufficientPrivilege, InvalidParameterValue) as refusal:
        connection.rollback()
        log.warning("Going on as the owner of the tables: %s", str(refusal).strip())


def make_sessions(engine: Engine) -> Callable[[], Session]:
    """Return the session factory of the engine; sessions write the change log when they commit."""
    return sessionmaker(engine, expire_on_commit=False)
