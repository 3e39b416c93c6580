"""The pages of a manager, one click from each other."""

from flask import url_for

from dispatch.web.security import may_open
from dispatch.web.words import _l

TABS = (
    ("coverage.index", _l("Where we are short")),
    ("risks.index", _l("Rests on one person")),
    ("certificates.index", _l("Certificates")),
    ("forecast.index", _l("Expected work")),
    ("promises.index", _l("Promises")),
)


def manager_tabs(current: str) -> list[tuple[str, str, bool]]:
    """Return address, words and whether it is the current one, for the pages this person may open."""
    return [(url_for(page), str(words), page == current) for page, words in TABS if may_open(page)]
