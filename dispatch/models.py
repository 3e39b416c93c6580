"""Imports every feature's tables, so that the metadata is whole. Nothing else lives here."""

from dispatch.accounts import models as accounts
from dispatch.core import models as core
from dispatch.core.db import Base
from dispatch.coverage import models as coverage
from dispatch.jobs import models as jobs
from dispatch.messages import models as messages
from dispatch.planning import cover_models, draft_models
from dispatch.planning import models as planning
from dispatch.skills import models as skills
from dispatch.workforce import models as workforce

__all__ = [
    "Base",
    "accounts",
    "core",
    "cover_models",
    "coverage",
    "draft_models",
    "jobs",
    "messages",
    "planning",
    "skills",
    "workforce",
]
