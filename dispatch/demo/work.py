"""The shape of a kind of work in the demo: what it needs, how long it takes and how people put it in words."""

from dataclasses import dataclass

from dispatch.demo.words import CUSTOMER_KINDS

EVERYBODY = tuple(kind for kind, *_ in CUSTOMER_KINDS)
BIG = ("hospital", "hotel", "works", "housing", "school")
HOMES = ("private", "housing", "care")


@dataclass(frozen=True, kw_only=True)
class Work:
    """A job type: skills as (code, must level, preferred level), minutes on site as (low, usual, high).

    ``weight`` is how often it is asked for, ``every_days`` how often it returns by agreement, ``asset`` what it is
    about and ``where`` which kinds of customers have one.
    """

    code: str
    name: str
    trade: str
    needs: tuple[tuple[str, int | None, int | None], ...]
    minutes: tuple[int, int, int]
    weight: float
    asset: str
    titles: tuple[str, ...]
    purposes: tuple[str, ...]
    result: str
    checklist: tuple[str, ...]
    certificates: tuple[str, ...] = ()
    crew: int = 1
    priority: int = 3
    target_h: int = 72
    where: tuple[str, ...] = EVERYBODY
    every_days: int | None = None


ASSET_MODELS: dict[str, tuple[str, ...]] = {
    "boiler": ("Calora 24", "Thermik V3", "Nordfire 60"),
    "lift": ("Ascenda 630", "Vertix 8P", "Orbis Hydraulic"),
    "cold unit": ("Frigo 12", "PolarBox S", "Kelvin Rack 4"),
    "fire panel": ("Wachter 2 loop", "Signa 16"),
    "distribution board": ("Three rows, 63 A", "Main board 250 A"),
    "door entry": ("Klara Audio", "Vista Video 2"),
}

# How many of the sites that could have one do; the rest of the assets are nearly everywhere.
ASSET_SHARE: dict[str, float] = {
    "lift": 0.55,
    "cold unit": 0.7,
    "sprinkler valve": 0.6,
    "network cabinet": 0.6,
    "control cabinet": 0.6,
    "signal": 0.1,
}
