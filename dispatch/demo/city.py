"""The generated city: territories, depots, customers with sites, and what is looked after there."""

import math
from collections.abc import Mapping
from datetime import timedelta

from dispatch.demo.houses import HOUSE_WORKS
from dispatch.demo.systems import IMPOSSIBLE, SYSTEM_WORKS
from dispatch.demo.words import (
    CARE_NOTES,
    CUSTOMER_KINDS,
    DISTRICTS,
    FIRST_NAMES,
    HAZARDS,
    LAST_NAMES,
    PARKING,
    STREET_KINDS,
    STREET_NAMES,
)
from dispatch.demo.work import ASSET_MODELS, ASSET_SHARE
from dispatch.demo.world import Area, Place, Spot, World

CENTRE = Spot(lat=52.905, lon=-1.512)
# name -> kilometres north of the middle, radius in metres
AREAS = {"North": (8.5, 4200.0), "Centre": (0.0, 3200.0), "South": (-8.5, 4200.0)}
TOOLS = ("Drain camera", "Leak finder", "Refrigerant scale")
WORKS = (*HOUSE_WORKS, *SYSTEM_WORKS)


def make_areas(world: World, owner_ids: Mapping[str, int], areas: Mapping[str, tuple[float, float]] = AREAS) -> None:
    """Make territories with a depot each."""
    for name, (north_km, radius_m) in areas.items():
        centre = _moved(CENTRE, 0.0, north_km * 1000)
        area_id = world.book.add(
            "territory",
            name=name,
            zone=world.zone,
            owner_id=owner_ids[name],
            boundary=[[spot.lat, spot.lon] for spot in _ring(centre, radius_m * 1.25)],
        )
        depot = _moved(centre, radius_m * 0.3, radius_m * 0.2)
        depot_id = world.book.add("depot", name=f"Depot {name}", territory_id=area_id, lat=depot.lat, lon=depot.lon)
        for tool in TOOLS:
            world.book.add("tool", name=f"{tool} {name}", kind=tool, depot_id=depot_id)
        world.areas.append(
            Area(id=area_id, name=name, centre=centre, radius_m=radius_m, owner_id=owner_ids[name], depot=depot)
        )


def make_customers(world: World) -> None:
    """Make customers of every kind, spread over the territories, with their sites and assets."""
    rng = world.rng
    taken: set[str] = set()
    for kind, count, (fewest, most), patterns, site_name in CUSTOMER_KINDS:
        for number in range(count):
            home = world.areas[number % len(world.areas)] if kind == "city" else rng.choice(world.areas)
            name = _customer_name(world, home, patterns, taken)
            contact = f"{rng.choice(FIRST_NAMES)} {rng.choice(LAST_NAMES)}"
            customer_id = world.book.add(
                "customer",
                name=name,
                contact_name=name if kind == "private" else contact,
                phone=_phone(world),
                email=f"office{number}@{_slug(name)}.example",
                preferred_channel=rng.choices(("call", "mail", "text"), (6, 2, 2))[0],
                care_note=rng.choice(CARE_NOTES) if rng.random() < 0.25 else None,
                last_contact_at=world.now - timedelta(days=rng.randint(1, 150)),
            )
            for site in range(rng.randint(fewest, most)):
                area = home if kind == "city" or rng.random() < 0.7 else rng.choice(world.areas)
                _make_site(world, area, customer_id, kind, contact, site_name, site)


def random_spot(world: World, area: Area) -> Spot:
    """Return a place in a territory, denser towards the middle."""
    angle = world.rng.uniform(0, 2 * math.pi)
    distance = area.radius_m * world.rng.random() ** 0.6
    return _moved(area.centre, distance * math.cos(angle), distance * math.sin(angle))


def _make_site(world: World, area: Area, customer_id: int, kind: str, contact: str, pattern: str, number: int) -> None:
    rng = world.rng
    spot = random_spot(world, area)
    street = f"{rng.choice(STREET_NAMES)} {rng.choice(STREET_KINDS)}"
    locked = kind in ("housing", "works", "hospital", "school") and rng.random() < 0.6
    site_id = world.book.add(
        "site",
        customer_id=customer_id,
        territory_id=area.id,
        name=pattern.format(n=number + 1, letter="ABCDEFGH"[number % 8]),
        address=f"{rng.randint(1, 180)} {street}, {rng.choice(_districts(area))}",
        lat=spot.lat,
        lon=spot.lon,
        gate_code=f"{rng.randint(0, 9999):04d}#" if locked else None,
        parking=(
            rng.choice(PARKING).format(
                n=rng.randint(2, 40), street=rng.choice(STREET_NAMES), kind=rng.choice(STREET_KINDS)
            )
            if rng.random() < 0.4
            else None
        ),
        hazards=rng.choice(HAZARDS) if rng.random() < 0.18 else None,
        criticality={"hospital": 3.0, "care": 2.0, "school": 1.5}.get(kind, 1.0),
    )
    place = Place(id=site_id, customer_id=customer_id, kind=kind, area_id=area.id, spot=spot, contact=contact)
    world.places.append(place)
    _make_assets(world, place)


def _make_assets(world: World, place: Place) -> None:
    """Give a site what its kind of customer has; each kind of work thereby finds its places."""
    rng = world.rng
    possible = sorted({work.asset for work in (*WORKS, IMPOSSIBLE) if place.kind in work.where})
    for asset in possible:
        if rng.random() >= ASSET_SHARE.get(asset, 0.8):
            continue
        serial = f"{asset[:2].upper()}-{rng.randint(10000, 99999)}"
        asset_id = world.book.add(
            "asset",
            site_id=place.id,
            name=asset.capitalize(),
            model=rng.choice(ASSET_MODELS[asset]) if asset in ASSET_MODELS else None,
            serial=serial if asset in ASSET_MODELS else None,
            purpose=_purpose(asset),
            installed_on=world.today - timedelta(days=rng.randint(200, 7000)),
        )
        world.assets[place.area_id, asset].append((place, asset_id))


def _purpose(asset: str) -> str | None:
    return {
        "lift": "The only way up for people who cannot climb stairs",
        "boiler": "Warm rooms and warm water",
        "cold unit": "Keeps food or medicine safe",
        "fire panel": "Wakes everybody in time",
    }.get(asset)


def _customer_name(world: World, area: Area, patterns: tuple[str, ...], taken: set[str]) -> str:
    rng = world.rng
    while True:
        name = rng.choice(patterns).format(
            street=rng.choice(STREET_NAMES),
            district=rng.choice(_districts(area)),
            first=rng.choice(FIRST_NAMES),
            last=rng.choice(LAST_NAMES),
            last2=rng.choice(LAST_NAMES),
        )
        if name not in taken:
            taken.add(name)
            return name


def _districts(area: Area) -> tuple[str, ...]:
    return DISTRICTS.get(area.name) or tuple(name for names in DISTRICTS.values() for name in names)


def _phone(world: World) -> str:
    return f"+44 1632 960{world.rng.randint(0, 999):03d}"  # a range set aside for fiction


def _slug(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())


def _moved(spot: Spot, east_m: float, north_m: float) -> Spot:
    lat = spot.lat + north_m / 111_195.0
    lon = spot.lon + east_m / (111_195.0 * math.cos(math.radians(spot.lat)))
    return Spot(lat=round(lat, 5), lon=round(lon, 5))


def _ring(centre: Spot, radius_m: float) -> list[Spot]:
    return [
        _moved(centre, radius_m * math.cos(step * math.pi / 8), radius_m * math.sin(step * math.pi / 8))
        for step in range(16)
    ]
