"""What words are cut to, as PostgreSQL's full text search cuts them."""

from collections.abc import Collection

from sqlalchemy import bindparam, text
from sqlalchemy.orm import Session

MOST_KEPT = 50_000

_kept: dict[str, str | None] = {}
_CUT = text("SELECT word, (ts_lexize('english_stem', word))[1] FROM unnest(CAST(:words AS text[])) AS word")


def stems_of(session: Session, words: Collection[str]) -> dict[str, str | None]:
    """Return the stem of each word, None for words that say nothing; one statement where a word is new."""
    new = sorted(set(words) - _kept.keys())
    if new:
        if len(_kept) + len(new) > MOST_KEPT:
            _kept.clear()
            new = sorted(set(words))
        _kept.update((word, stem) for word, stem in session.execute(_CUT.bindparams(bindparam("words", new))))
    return {word: _kept[word] for word in words}
