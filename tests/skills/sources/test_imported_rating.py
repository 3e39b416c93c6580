"""Levels taken over from elsewhere."""

from dispatch.skills.proficiency import qualified
from dispatch.skills.sources.imported_rating import OWN_CLAIM_TRUST, SOURCE
from tests.skills.build import after, fact, level_of


def test_imported_own_claims_stay_own_claims() -> None:
    (seen,) = SOURCE.observe(fact("imported_rating", level=4, by_self=True, system="hr"), SOURCE.trust)
    assert not seen.confirms
    assert seen.trust == OWN_CLAIM_TRUST
    assert seen.sentence == "Imported own claim from hr: level 4"


def test_an_imported_matrix_is_usable_at_once_but_wears_out() -> None:
    rating = [fact("imported_rating", level=3)]
    assert qualified(level_of(rating, after()), 3)
    assert not qualified(level_of(rating, after(months=12)), 3)


def test_a_later_import_replaces_the_earlier_one() -> None:
    first, second = (
        fact("imported_rating", level=2, system="hr"),
        fact("imported_rating", after(days=5), level=4, system="hr"),
    )
    other = fact("imported_rating", after(days=5), level=4, system="lms")
    assert level_of([first, second], after(days=6)).mean == level_of([second], after(days=6)).mean
    assert level_of([first, other], after(days=6)).mean < level_of([other], after(days=6)).mean
