"""The living inventory: the catalogue, what is known of whom, and what follows from it."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, UniqueConstraint, func, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, Range
from sqlalchemy.orm import Mapped, mapped_column, relationship

from dispatch.core.db import Base, Choice, Id, Instant, Versioned, choice_check, days_check, one_at_a_time


class Skill(Base, Versioned):
    """A node of the catalogue: something a person can do. A node with children is a trade or group.

    A merged skill lives on in another one: facts and needs that name it are read as being about that one. Triggers
    refuse circles, of parents as of merges.
    """

    __tablename__ = "skill"
    __table_args__ = (
        CheckConstraint("half_life_days > 0", name="half_life_positive"),
        CheckConstraint("parent_id <> id", name="not_its_own_parent"),
        CheckConstraint("merged_into_id <> id", name="not_merged_into_itself"),
        CheckConstraint("merged_into_id IS NULL OR retired_at IS NOT NULL", name="retired_when_merged"),
    )

    id: Mapped[Id]
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("skill.id"), index=True)
    assignable: Mapped[bool] = mapped_column(default=True, server_default="true")
    half_life_days: Mapped[int] = mapped_column(default=198, server_default="198")
    critical: Mapped[bool] = mapped_column(default=False, server_default="false")
    level_anchors: Mapped[dict[str, Any]] = mapped_column(JSONB(), server_default=text("'{}'"))
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    retired_at: Mapped[datetime | None]
    merged_into_id: Mapped[int | None] = mapped_column(ForeignKey("skill.id"), index=True)

    aliases: Mapped[list["SkillAlias"]] = relationship(
        back_populates="skill", lazy="raise", cascade="all, delete-orphan"
    )


class SkillAlias(Base):
    """Another word for a skill."""

    __tablename__ = "skill_alias"
    __table_args__ = (Index("uq_skill_alias_lower", "skill_id", text("lower(alias)"), unique=True),)

    id: Mapped[Id]
    skill_id: Mapped[int] = mapped_column(ForeignKey("skill.id"))
    alias: Mapped[str]

    skill: Mapped[Skill] = relationship(back_populates="aliases", lazy="raise")


class SkillLink(Base):
    """The same skill in an outside catalogue (O*NET, ESCO)."""

    __tablename__ = "skill_link"
    __table_args__ = (UniqueConstraint("scheme", "outside_id", "skill_id"), Index("ix_skill_link_skill_id", "skill_id"))

    id: Mapped[Id]
    skill_id: Mapped[int] = mapped_column(ForeignKey("skill.id"))
    scheme: Mapped[str]
    outside_id: Mapped[str]
    label: Mapped[str | None]


class Scheme(StrEnum):
    """An outside catalogue of work."""

    ONET = "onet"
    ESCO = "esco"


class EntryKind(StrEnum):
    """What an entry of an outside catalogue is."""

    OCCUPATION = "occupation"
    TITLE = "title"
    SKILL = "skill"
    KNOWLEDGE = "knowledge"
    TASK = "task"
    TOOL = "tool"
    TECHNOLOGY = "technology"


class ReferenceEntry(Base):
    """An entry of an outside catalogue, by its own id; ``owner`` is the occupation it belongs to, empty for none.

    What a later release does not have any more is retired, not removed: our skills may be linked to it.
    """

    __tablename__ = "reference_entry"
    __table_args__ = (
        choice_check("scheme", Scheme),
        choice_check("kind", EntryKind),
        UniqueConstraint("scheme", "kind", "owner", "outside_id"),
    )

    id: Mapped[Id]
    scheme: Mapped[Scheme] = mapped_column(Choice(Scheme))
    kind: Mapped[EntryKind] = mapped_column(Choice(EntryKind))
    outside_id: Mapped[str]
    owner: Mapped[str] = mapped_column(default="", server_default="")
    label: Mapped[str]
    words: Mapped[list[str]] = mapped_column(ARRAY(Text()), default=list, server_default=text("'{}'"))
    about: Mapped[str] = mapped_column(default="", server_default="")
    release: Mapped[str]
    retired_at: Mapped[datetime | None]


class ReferenceRelease(Base):
    """A release of an outside catalogue that was imported; pages and exports owe it an attribution."""

    __tablename__ = "reference_release"
    __table_args__ = (choice_check("scheme", Scheme), UniqueConstraint("scheme", "release"))

    id: Mapped[Id]
    scheme: Mapped[Scheme] = mapped_column(Choice(Scheme))
    release: Mapped[str]
    imported_at: Mapped[datetime]
    imported_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))


class RelationKind(StrEnum):
    """How one skill bears on another."""

    PREREQUISITE = "prerequisite"
    IMPLIES = "implies"


class SkillRelation(Base):
    """``skill`` needs (prerequisite) or includes (implies) ``other``; a trigger refuses circles of one kind."""

    __tablename__ = "skill_relation"
    __table_args__ = (
        UniqueConstraint("kind", "skill_id", "other_id"),
        CheckConstraint("skill_id <> other_id", name="two_skills"),
        choice_check("kind", RelationKind),
    )

    id: Mapped[Id]
    kind: Mapped[RelationKind] = mapped_column(Choice(RelationKind))
    skill_id: Mapped[int] = mapped_column(ForeignKey("skill.id"), index=True)
    other_id: Mapped[int] = mapped_column(ForeignKey("skill.id"), index=True)


class CertificationKind(Base, Versioned):
    """A dated permission that only a valid document gives. Apart from skills: it has no level."""

    __tablename__ = "certification_kind"
    __table_args__ = (CheckConstraint("usual_validity_months > 0", name="validity_positive"),)

    id: Mapped[Id]
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    issuer: Mapped[str | None]
    usual_validity_months: Mapped[int | None]
    field: Mapped[str | None]
    safety: Mapped[bool] = mapped_column(default=False, server_default="false")
    retired_at: Mapped[datetime | None]


class CertificationProof(Base):
    """Holding a certificate of this kind says that one can do a skill at this level."""

    __tablename__ = "certification_proof"
    __table_args__ = (
        CheckConstraint("level BETWEEN 1 AND 5", name="level_known"),
        Index("ix_certification_proof_skill_id", "skill_id"),
    )

    kind_id: Mapped[int] = mapped_column(ForeignKey("certification_kind.id"), primary_key=True)
    skill_id: Mapped[int] = mapped_column(ForeignKey("skill.id"), primary_key=True)
    level: Mapped[int]


class Evidence(Base):
    """One dated fact about one person and one skill. Append-only; only the contested flag may change.

    A fact of an import that was taken back is withdrawn, once and for good: it is read nowhere any more.
    """

    __tablename__ = "evidence"
    __table_args__ = (
        Index("ix_evidence_technician_id_skill_id", "technician_id", "skill_id"),
        Index(
            "ix_evidence_self_claim", "technician_id", "skill_id", "at", postgresql_where=text("source = 'self_claim'")
        ),
        Index("uq_evidence_outside_key", "outside_key", unique=True, postgresql_where=text("outside_key IS NOT NULL")),
        Index("ix_evidence_import_batch_id", "import_batch_id", postgresql_where=text("import_batch_id IS NOT NULL")),
        CheckConstraint("withdrawn_at IS NULL OR import_batch_id IS NOT NULL", name="only_imports_withdrawn"),
    )

    id: Mapped[Id]
    technician_id: Mapped[int] = mapped_column(ForeignKey("technician.id"))
    skill_id: Mapped[int] = mapped_column(ForeignKey("skill.id"), index=True)
    source: Mapped[str]
    at: Mapped[datetime]
    facts: Mapped[dict[str, Any]]
    contested: Mapped[bool] = mapped_column(default=False, server_default="false")
    visit_id: Mapped[int | None] = mapped_column(ForeignKey("visit.id"), index=True)
    outside_key: Mapped[str | None]
    recorded_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    recorded_at: Mapped[datetime] = mapped_column(Instant(), server_default=func.now())
    import_batch_id: Mapped[int | None] = mapped_column(ForeignKey("import_batch.id"))
    withdrawn_at: Mapped[datetime | None]


class EvidenceContest(Base, Versioned):
    """A person sees a fact, or a certificate given back, differently; a named owner answers by the due time."""

    __tablename__ = "evidence_contest"
    __table_args__ = (
        CheckConstraint("(settled_at IS NULL) = (outcome IS NULL)", name="outcome_when_settled"),
        CheckConstraint("outcome IN ('upheld', 'withdrawn', 'corrected')", name="outcome_known"),
        CheckConstraint("num_nonnulls(evidence_id, certification_id) = 1", name="about_one_thing"),
        CheckConstraint(
            "certification_id IS NULL OR outcome IS DISTINCT FROM 'corrected'", name="papers_not_corrected"
        ),
        Index("uq_evidence_contest_open", "evidence_id", unique=True, postgresql_where=text("settled_at IS NULL")),
        Index(
            "uq_evidence_contest_certification_id",
            "certification_id",
            unique=True,
            postgresql_where=text("certification_id IS NOT NULL"),
        ),
    )

    id: Mapped[Id]
    evidence_id: Mapped[int | None] = mapped_column(ForeignKey("evidence.id"))
    certification_id: Mapped[int | None] = mapped_column(ForeignKey("certification.id"))
    reason: Mapped[str]
    opened_by_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    opened_at: Mapped[datetime]
    owner_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"), index=True)
    due_at: Mapped[datetime]
    outcome: Mapped[str | None]
    answer: Mapped[str | None]
    settled_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    settled_at: Mapped[datetime | None]

    evidence: Mapped[Evidence | None] = relationship(lazy="raise")


class Proficiency(Base):
    """The estimate that follows from the facts: a cache, equal to a replay of the evidence."""

    __tablename__ = "proficiency"
    __table_args__ = (CheckConstraint("sd > 0", name="sd_positive"),)

    technician_id: Mapped[int] = mapped_column(ForeignKey("technician.id"), primary_key=True)
    skill_id: Mapped[int] = mapped_column(ForeignKey("skill.id"), primary_key=True, index=True)
    mean: Mapped[float]
    sd: Mapped[float]
    confirmed: Mapped[bool]
    last_used_at: Mapped[datetime | None]
    fact_count: Mapped[int]
    as_of: Mapped[datetime]


class ClaimOutcome(StrEnum):
    """What somebody who may confirm said to a claim."""

    APPROVED = "approved"
    RETURNED = "returned"


class ClaimAnswer(Base):
    """The one answer to a claim: approved, which somebody's own judgement then says, or returned with a reason."""

    __tablename__ = "claim_answer"
    __table_args__ = (
        choice_check("outcome", ClaimOutcome),
        CheckConstraint("outcome <> 'returned' OR reason IS NOT NULL", name="reason_when_returned"),
    )

    evidence_id: Mapped[int] = mapped_column(ForeignKey("evidence.id"), primary_key=True)
    outcome: Mapped[ClaimOutcome] = mapped_column(Choice(ClaimOutcome))
    reason: Mapped[str | None]
    answered_by_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    answered_at: Mapped[datetime]


class Wish(StrEnum):
    """How much of the work in a skill a person would like."""

    MORE = "more"
    ENOUGH = "enough"
    LESS = "less"


class SkillWish(Base):
    """What a person wants of work in a skill, and when they last said that work done is nothing to add to it."""

    __tablename__ = "skill_wish"
    __table_args__ = (
        choice_check("wish", Wish),
        UniqueConstraint("technician_id", "skill_id"),
        CheckConstraint("wish IS NOT NULL OR declined_at IS NOT NULL", name="says_something"),
        Index("ix_skill_wish_skill_id", "skill_id"),
    )

    id: Mapped[Id]
    technician_id: Mapped[int] = mapped_column(ForeignKey("technician.id"))
    skill_id: Mapped[int] = mapped_column(ForeignKey("skill.id"))
    wish: Mapped[Wish | None] = mapped_column(Choice(Wish))
    declined_at: Mapped[datetime | None]
    changed_at: Mapped[datetime]


class ModelConstants(Base):
    """Constants of the level model that were fitted, with the report read before; at most one row is in force."""

    __tablename__ = "model_constants"
    __table_args__ = (Index("uq_model_constants_active", "active", unique=True, postgresql_where=text("active")),)

    id: Mapped[Id]
    constants: Mapped[dict[str, Any]]
    report: Mapped[dict[str, Any]]
    active: Mapped[bool] = mapped_column(default=False, server_default="false")
    made_at: Mapped[datetime]
    made_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))


class DocumentState(StrEnum):
    """Where a certificate stands."""

    CLAIMED = "claimed"
    CONFIRMED = "confirmed"
    RETURNED = "returned"


class Certification(Base, Versioned):
    """A certificate a person holds; only a confirmed one counts, and only inside its days."""

    __tablename__ = "certification"
    __table_args__ = (
        choice_check("state", DocumentState),
        days_check("valid"),
        one_at_a_time("ex_certification_once", "technician_id", "kind_id", during="valid", where="state = 'confirmed'"),
        CheckConstraint("state <> 'confirmed' OR confirmed_by_id IS NOT NULL OR imported", name="confirmed_by_someone"),
        Index("ix_certification_technician_id", "technician_id"),
    )

    id: Mapped[Id]
    technician_id: Mapped[int] = mapped_column(ForeignKey("technician.id"))
    kind_id: Mapped[int] = mapped_column(ForeignKey("certification_kind.id"), index=True)
    number: Mapped[str | None]
    issuer: Mapped[str | None]
    valid: Mapped[Range[date]]
    state: Mapped[DocumentState] = mapped_column(Choice(DocumentState))
    imported: Mapped[bool] = mapped_column(default=False, server_default="false")
    claimed_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    claimed_at: Mapped[datetime] = mapped_column(Instant(), server_default=func.now())
    confirmed_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    confirmed_at: Mapped[datetime | None]
    returned_because: Mapped[str | None]

    kind: Mapped[CertificationKind] = relationship(lazy="raise")
