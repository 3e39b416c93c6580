"""Who can be sent, from where and when: territories, partners, technicians, shifts, absences, vehicles and tools."""

from datetime import date, datetime, time
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, func
from sqlalchemy.dialects.postgresql import JSONB, Range
from sqlalchemy.orm import Mapped, mapped_column, relationship

from dispatch.accounts.models import User
from dispatch.core.db import (
    Base,
    Choice,
    Id,
    Instant,
    Versioned,
    choice_check,
    days_check,
    one_at_a_time,
    place_check,
    stretch_check,
)


class Territory(Base, Versioned):
    """The area a technician or plan covers; carries the time zone and who answers for it."""

    __tablename__ = "territory"

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(unique=True)
    zone: Mapped[str]
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    boundary: Mapped[list[list[float]] | None] = mapped_column(JSONB(none_as_null=True))
    retired_at: Mapped[datetime | None]


class Depot(Base, Versioned):
    """A place where shifts may start or end and parts are kept."""

    __tablename__ = "depot"
    __table_args__ = (place_check(),)

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(unique=True)
    territory_id: Mapped[int] = mapped_column(ForeignKey("territory.id"), index=True)
    lat: Mapped[float]
    lon: Mapped[float]


class Team(Base):
    """People who work together."""

    __tablename__ = "team"

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(unique=True)


class Partner(Base, Versioned):
    """A company whose technicians we may send."""

    __tablename__ = "partner"
    __table_args__ = (
        CheckConstraint("call_out_cost_s >= 0", name="call_out_cost_not_negative"),
        CheckConstraint("daily_capacity IS NULL OR daily_capacity >= 0", name="capacity_not_negative"),
        place_check("yard_lat", "yard_lon"),
    )

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(unique=True)
    phone: Mapped[str | None]
    email: Mapped[str | None]
    call_out_cost_s: Mapped[int] = mapped_column(default=0, server_default="0")
    daily_capacity: Mapped[int | None]
    yard_lat: Mapped[float | None]
    yard_lon: Mapped[float | None]
    retired_at: Mapped[datetime | None]

    documents: Mapped[list["PartnerDocument"]] = relationship(back_populates="partner", lazy="raise")


class PartnerDocument(Base, Versioned):
    """A paper a partner must keep valid, such as its insurance."""

    __tablename__ = "partner_document"
    __table_args__ = (days_check("valid"), Index("ix_partner_document_partner_id", "partner_id"))

    id: Mapped[Id]
    partner_id: Mapped[int] = mapped_column(ForeignKey("partner.id"))
    kind: Mapped[str]
    number: Mapped[str | None]
    valid: Mapped[Range[date]]
    required: Mapped[bool] = mapped_column(default=True, server_default="true")

    partner: Mapped[Partner] = relationship(back_populates="documents", lazy="raise")


class Technician(Base, Versioned):
    """A person who can be sent, employee or partner's."""

    __tablename__ = "technician"
    __table_args__ = (
        CheckConstraint("pace BETWEEN 0.2 AND 5", name="pace_plausible"),
        CheckConstraint("hourly_cost_factor BETWEEN 0.1 AND 20", name="hourly_cost_factor_plausible"),
        place_check("home_lat", "home_lon"),
        Index("ix_technician_partner_id", "partner_id"),
    )

    id: Mapped[Id]
    name: Mapped[str]
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"), unique=True)
    partner_id: Mapped[int | None] = mapped_column(ForeignKey("partner.id"))
    team_id: Mapped[int | None] = mapped_column(ForeignKey("team.id"), index=True)
    phone: Mapped[str | None]
    email: Mapped[str | None]
    home_lat: Mapped[float | None]
    home_lon: Mapped[float | None]
    start_area: Mapped[str | None]
    pace: Mapped[float] = mapped_column(default=1.0, server_default="1")
    hourly_cost_factor: Mapped[float] = mapped_column(default=1.0, server_default="1")
    last_contact_at: Mapped[datetime | None]
    retired_at: Mapped[datetime | None]

    user: Mapped[User | None] = relationship(lazy="raise")
    partner: Mapped[Partner | None] = relationship(lazy="raise")
    memberships: Mapped[list["TerritoryMembership"]] = relationship(back_populates="technician", lazy="raise")


class TerritoryMembership(Base):
    """Where a technician works, with dates."""

    __tablename__ = "territory_membership"
    __table_args__ = (
        days_check("during"),
        one_at_a_time("ex_territory_membership_once", "technician_id", "territory_id"),
        Index("ix_territory_membership_territory_id", "territory_id"),
    )

    id: Mapped[Id]
    technician_id: Mapped[int] = mapped_column(ForeignKey("technician.id"))
    territory_id: Mapped[int] = mapped_column(ForeignKey("territory.id"))
    during: Mapped[Range[date]]

    technician: Mapped[Technician] = relationship(back_populates="memberships", lazy="raise")
    territory: Mapped[Territory] = relationship(lazy="raise")


class ReportingLine(Base):
    """Whom a technician reports to, with dates; one at a time."""

    __tablename__ = "reporting_line"
    __table_args__ = (days_check("during"), one_at_a_time("ex_reporting_line_one_manager", "technician_id"))

    id: Mapped[Id]
    technician_id: Mapped[int] = mapped_column(ForeignKey("technician.id"))
    manager_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"), index=True)
    during: Mapped[Range[date]]


class PlaceKind(StrEnum):
    """Where a shift starts or ends."""

    HOME = "home"
    DEPOT = "depot"
    PARTNER_YARD = "partner_yard"
    STAY = "stay"


class ShiftPattern(Base):
    """A weekly working time; shifts are made from it ahead of time. Times are the territory's wall clock."""

    __tablename__ = "shift_pattern"
    __table_args__ = (
        CheckConstraint("weekday BETWEEN 0 AND 6", name="weekday_known"),
        CheckConstraint("ends_at <> starts_at", name="ends_differ"),
        CheckConstraint("break_s BETWEEN 0 AND 14400", name="break_plausible"),
        CheckConstraint("overtime_limit_s BETWEEN 0 AND 28800", name="overtime_plausible"),
        choice_check("start_kind", PlaceKind),
        choice_check("end_kind", PlaceKind),
        days_check("valid"),
        one_at_a_time("ex_shift_pattern_once", "technician_id", "weekday", during="valid"),
    )

    id: Mapped[Id]
    technician_id: Mapped[int] = mapped_column(ForeignKey("technician.id"))
    territory_id: Mapped[int] = mapped_column(ForeignKey("territory.id"), index=True)
    weekday: Mapped[int]
    starts_at: Mapped[time]
    ends_at: Mapped[time]
    break_s: Mapped[int] = mapped_column(default=1800, server_default="1800")
    overtime_limit_s: Mapped[int] = mapped_column(default=0, server_default="0")
    start_kind: Mapped[PlaceKind] = mapped_column(Choice(PlaceKind), default=PlaceKind.HOME)
    end_kind: Mapped[PlaceKind] = mapped_column(Choice(PlaceKind), default=PlaceKind.HOME)
    valid: Mapped[Range[date]]


class ShiftException(Base):
    """A day on which the pattern does not hold: off, or other hours."""

    __tablename__ = "shift_exception"
    __table_args__ = (
        UniqueConstraint("technician_id", "on_date", name="uq_shift_exception_day"),
        CheckConstraint("(starts_at IS NULL) = (ends_at IS NULL)", name="both_or_neither"),
    )

    id: Mapped[Id]
    technician_id: Mapped[int] = mapped_column(ForeignKey("technician.id"))
    on_date: Mapped[date]
    starts_at: Mapped[time | None]
    ends_at: Mapped[time | None]
    note: Mapped[str | None]


class Shift(Base, Versioned):
    """One technician's working time on one day in one territory, with start and end place."""

    __tablename__ = "shift"
    __table_args__ = (
        stretch_check("during"),
        one_at_a_time("ex_shift_one_place", "technician_id", where="NOT cancelled"),
        place_check("start_lat", "start_lon"),
        place_check("end_lat", "end_lon"),
        choice_check("start_kind", PlaceKind),
        choice_check("end_kind", PlaceKind),
        CheckConstraint("overtime_limit_s BETWEEN 0 AND 28800", name="overtime_plausible"),
        CheckConstraint("break_s BETWEEN 0 AND 14400", name="break_plausible"),
        CheckConstraint(
            "break_s = 0 OR (break_from IS NOT NULL AND break_until IS NOT NULL"
            " AND break_until >= break_from + make_interval(secs => break_s))",
            name="break_fits",
        ),
        Index("ix_shift_territory_id_on_date", "territory_id", "on_date"),
        Index("ix_shift_technician_id_on_date", "technician_id", "on_date"),
    )

    id: Mapped[Id]
    technician_id: Mapped[int] = mapped_column(ForeignKey("technician.id"))
    territory_id: Mapped[int] = mapped_column(ForeignKey("territory.id"))
    on_date: Mapped[date]
    during: Mapped[Range[datetime]]
    start_kind: Mapped[PlaceKind] = mapped_column(Choice(PlaceKind), default=PlaceKind.HOME)
    start_lat: Mapped[float]
    start_lon: Mapped[float]
    end_kind: Mapped[PlaceKind] = mapped_column(Choice(PlaceKind), default=PlaceKind.HOME)
    end_lat: Mapped[float]
    end_lon: Mapped[float]
    break_s: Mapped[int] = mapped_column(default=0, server_default="0")
    break_from: Mapped[datetime | None]
    break_until: Mapped[datetime | None]
    overtime_limit_s: Mapped[int] = mapped_column(default=0, server_default="0")
    cancelled: Mapped[bool] = mapped_column(default=False, server_default="false")

    technician: Mapped[Technician] = relationship(lazy="raise")
    territory: Mapped[Territory] = relationship(lazy="raise")


class Absence(Base, Versioned):
    """A time a technician does not work. Why is nobody's business here, so there is no reason column."""

    __tablename__ = "absence"
    __table_args__ = (
        stretch_check("during", longest="2 years"),
        one_at_a_time("ex_absence_once", "technician_id", where="NOT cancelled"),
    )

    id: Mapped[Id]
    technician_id: Mapped[int] = mapped_column(ForeignKey("technician.id"))
    during: Mapped[Range[datetime]]
    cancelled: Mapped[bool] = mapped_column(default=False, server_default="false")
    reported_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    reported_at: Mapped[datetime] = mapped_column(Instant(), server_default=func.now())


class Vehicle(Base, Versioned):
    """A van or other vehicle."""

    __tablename__ = "vehicle"

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(unique=True)
    territory_id: Mapped[int | None] = mapped_column(ForeignKey("territory.id"), index=True)
    retired_at: Mapped[datetime | None]


class VehicleUse(Base):
    """Who has a vehicle when; a vehicle is with one person, and a person drives one vehicle."""

    __tablename__ = "vehicle_use"
    __table_args__ = (
        stretch_check("during", longest="2 years"),
        one_at_a_time("ex_vehicle_use_one_driver", "vehicle_id"),
        one_at_a_time("ex_vehicle_use_one_vehicle", "technician_id"),
    )

    id: Mapped[Id]
    vehicle_id: Mapped[int] = mapped_column(ForeignKey("vehicle.id"))
    technician_id: Mapped[int] = mapped_column(ForeignKey("technician.id"))
    during: Mapped[Range[datetime]]


class Tool(Base, Versioned):
    """A tool of which there are few enough to be booked."""

    __tablename__ = "tool"

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    depot_id: Mapped[int | None] = mapped_column(ForeignKey("depot.id"), index=True)
    retired_at: Mapped[datetime | None]


class ToolUse(Base):
    """Who has a tool when."""

    __tablename__ = "tool_use"
    __table_args__ = (stretch_check("during", longest="2 years"), one_at_a_time("ex_tool_use_one_holder", "tool_id"))

    id: Mapped[Id]
    tool_id: Mapped[int] = mapped_column(ForeignKey("tool.id"))
    technician_id: Mapped[int] = mapped_column(ForeignKey("technician.id"), index=True)
    during: Mapped[Range[datetime]]
