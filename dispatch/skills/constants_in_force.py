"""Which constants the level model uses: the defaults, or those an organisation fitted and put in force."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from dispatch.skills.constants import DEFAULTS, Constants
from dispatch.skills.evidence import Trust
from dispatch.skills.models import ModelConstants


def constants_in_force(session: Session) -> Constants:
    """Return the constants that every estimate uses."""
    stored = session.scalar(select(ModelConstants.constants).where(ModelConstants.active))
    return DEFAULTS if stored is None else read_constants(stored)


def written(constants: Constants) -> dict[str, Any]:
    """Return constants as plain data."""
    return {
        **{each.name: getattr(constants, each.name) for each in fields(Constants) if each.name != "trust"},
        "trust": {name: asdict(trust) for name, trust in constants.trust.items()},
    }


def read_constants(stored: Mapping[str, Any]) -> Constants:
    """Return stored constants; a number that is not stored keeps its default."""
    trust = {name: Trust(**each) for name, each in stored.get("trust", {}).items()}
    return Constants(**{**stored, "trust": trust})
