"""What the outside catalogues that were imported ask to be said wherever their information is shown or handed on."""

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from dispatch.skills.models import ReferenceRelease, Scheme

NAMES = {Scheme.ONET: "O*NET", Scheme.ESCO: "ESCO"}
# Prescribed by their licences, so these are not put into other words or languages.
_ASKED = {
    Scheme.ONET: (
        "This product includes information from the O*NET {release} Database by the U.S. Department of Labor,"
        " Employment and Training Administration (USDOL/ETA). Used under the CC BY 4.0 license. O*NET is a trademark of"
        " USDOL/ETA. The information was filtered and reshaped; USDOL/ETA has not approved, endorsed or tested these"
        " changes."
    ),
    Scheme.ESCO: "This service uses the ESCO classification of the European Commission (release {release}).",
}


def attributions(session: Session) -> list[str]:
    """Return one sentence for each outside catalogue whose entries are here, for its latest release."""
    rows = session.execute(
        select(ReferenceRelease.scheme, ReferenceRelease.release)
        .ext(distinct_on(ReferenceRelease.scheme))
        .order_by(ReferenceRelease.scheme, ReferenceRelease.imported_at.desc())
    )
    return [_ASKED[scheme].format(release=release) for scheme, release in rows]
