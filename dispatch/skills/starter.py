"""The catalogue a new organisation starts with: trades, their skills with everyday words, and kinds of certification.

Codes are stable: imports and demo data refer to them. Names may be changed freely once loaded.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from dispatch.skills.catalogue import ACCURACY_HALF_LIFE_DAYS, ROUTINE_HALF_LIFE_DAYS
from dispatch.skills.starter_words import LEVELS, PROOFS, WORDS


class Fading(StrEnum):
    """What kind of work a skill is, which says how fast practice in it fades."""

    ACCURACY = "accuracy"
    ROUTINE = "routine"

    @property
    def half_life_days(self) -> int:
        """Return the half-life of practice, in days."""
        return ACCURACY_HALF_LIFE_DAYS if self is Fading.ACCURACY else ROUTINE_HALF_LIFE_DAYS


@dataclass(frozen=True, kw_only=True)
class StarterSkill:
    """One skill to load; its trade is the part of the code before the dot."""

    code: str
    name: str
    fading: Fading
    critical: bool = False
    aliases: tuple[str, ...] = ()

    @property
    def level_anchors(self) -> dict[str, str]:
        """What somebody does at each level, by level."""
        sentences = LEVELS[self.code.partition(".")[0]]
        return {str(level): sentence for level, sentence in enumerate(sentences, start=1)}


@dataclass(frozen=True, kw_only=True)
class StarterCertification:
    """One kind of certification to load; validity in months where it is the same nearly everywhere."""

    code: str
    name: str
    issuer: str
    months: int | None
    field: str
    safety: bool = False

    @property
    def proves(self) -> tuple[tuple[str, int], ...]:
        """Codes of the skills that it proves, with the level."""
        return PROOFS.get(self.code, ())


def _skill(code: str, name: str, fading: Fading, *aliases: str, critical: bool = False) -> StarterSkill:
    words = (*aliases, *(word.strip() for word in WORDS[code].split(",")))
    each = {word.casefold(): word for word in words if word.casefold() != name.casefold()}
    return StarterSkill(code=code, name=name, fading=fading, critical=critical, aliases=tuple(each.values()))


def _paper(
    code: str, name: str, issuer: str, months: int | None, field: str, *, safety: bool = False
) -> StarterCertification:
    return StarterCertification(code=code, name=name, issuer=issuer, months=months, field=field, safety=safety)


_CAREFUL, _ROUTINE = Fading.ACCURACY, Fading.ROUTINE

TRADES: tuple[tuple[str, str], ...] = (
    ("appliance", "Household appliances"),
    ("building", "Building fabric"),
    ("electrical", "Electrical work in buildings"),
    ("env", "Health and environment"),
    ("fire", "Fire and gas alarms"),
    ("hvac", "Heating, cooling and air"),
    ("inspection", "Inspection"),
    ("it", "Networks and public terminals"),
    ("lift", "Lifts"),
    ("parking", "Parking equipment"),
    ("pest", "Pests"),
    ("plumbing", "Plumbing"),
    ("sewer", "Sewers"),
    ("signal", "Traffic signals"),
    ("street", "Streets and signs"),
    ("streetlight", "Street lighting"),
    ("water", "Water supply"),
)

SKILLS: tuple[StarterSkill, ...] = (
    _skill("appliance.repair", "Repairing ovens, fridges and washing machines", _ROUTINE, "stove", "dishwasher"),
    _skill("building.carpentry", "Woodwork on doors, floors and boarded openings", _ROUTINE, "joinery", "board up"),
    _skill("building.general", "General upkeep of buildings", _ROUTINE, "handyman", "odd jobs"),
    _skill("building.glazing", "Replacing glass and mending windows", _ROUTINE, "broken window", "pane"),
    _skill("building.locks", "Locks, closers and door fittings", _ROUTINE, "locksmith", "door hardware"),
    _skill("building.plaster_paint", "Plaster and paint", _ROUTINE, "ceiling crack", "decorating"),
    _skill("building.tiling", "Laying and replacing tiles", _ROUTINE, "bathroom tiles", "grout"),
    _skill("building.weatherization", "Insulating and sealing against draughts", _ROUTINE, "draught", "insulation"),
    _skill("electrical.distribution", "Panels, breakers and the incoming supply", _CAREFUL, "fuse box", "switchboard",
           critical=True),
    _skill("electrical.fault_finding", "Tracing electrical faults", _CAREFUL, "tripping", "no power"),
    _skill("electrical.lighting", "Lights inside and on buildings", _ROUTINE, "lamp out", "luminaire"),
    _skill("electrical.low_voltage", "Intercoms, bells and door entry", _ROUTINE, "door phone", "buzzer"),
    _skill("electrical.wiring", "Wiring rooms and outlets", _CAREFUL, "socket", "rewire"),
    _skill("env.air_quality", "Measuring indoor air", _CAREFUL, "smell", "fumes"),
    _skill("env.asbestos", "Finding and handling asbestos", _CAREFUL, critical=True),
    _skill("env.hazmat", "Dealing with dangerous substances", _CAREFUL, "spill", "chemical", critical=True),
    _skill("env.lead_sampling", "Sampling for lead and working lead-safe", _CAREFUL, "lead paint"),
    _skill("env.mould", "Judging and removing mould", _ROUTINE, "mold", "damp"),
    _skill("fire.co_detection", "Detectors for carbon monoxide", _CAREFUL, "carbon monoxide alarm", critical=True),
    _skill("fire.smoke_alarm", "Fitting and testing smoke alarms", _ROUTINE, "smoke detector"),
    _skill("fire.sprinkler", "Sprinklers and standpipes", _CAREFUL, "dry riser", critical=True),
    _skill("hvac.controls", "Controls of heating and cooling", _CAREFUL, "thermostat", "building automation"),
    _skill("hvac.heating_plant", "Boilers, burners and plant rooms", _CAREFUL, "boiler", "no heat", critical=True),
    _skill("hvac.refrigeration", "Refrigerant circuits", _CAREFUL, "heat pump", "air conditioning", "chiller"),
    _skill("hvac.ventilation", "Fans, ducts and extraction", _ROUTINE, "extractor", "air handling"),
    _skill("inspection.building", "Checking buildings and housing against the code", _ROUTINE, "housing inspection"),
    _skill("inspection.electrical", "Checking electrical installations", _CAREFUL, "electrical inspection"),
    _skill("inspection.fire_code", "Checking fire precautions", _CAREFUL, "fire inspection"),
    _skill("inspection.mechanical", "Checking mechanical plant", _CAREFUL, "boiler inspection"),
    _skill("inspection.plumbing", "Checking plumbing", _CAREFUL, "plumbing inspection"),
    _skill("inspection.site_safety", "Checking safety on building sites", _CAREFUL, "scaffold", "crane"),
    _skill("inspection.structural", "Judging whether a structure is safe", _CAREFUL, "collapse", "retaining wall",
           critical=True),
    _skill("it.kiosk_hardware", "Hardware of public terminals", _ROUTINE, "kiosk", "ticket machine"),
    _skill("it.network_field", "Mending networks on site", _CAREFUL, "router", "switch", "wifi"),
    _skill("it.telecom_line", "Telephone lines and call boxes", _ROUTINE, "payphone", "dial tone"),
    _skill("lift.controls", "Lift controllers and their diagnosis", _CAREFUL, "elevator controller"),
    _skill("lift.electromechanical", "Lift drives, doors and brakes", _CAREFUL, "elevator", "lift stuck"),
    _skill("lift.safety", "Working safely in the shaft and freeing people", _CAREFUL, "trapped in lift", critical=True),
    _skill("parking.meter_electronics", "Electronics of parking meters", _ROUTINE, "pay station", "muni meter"),
    _skill("pest.control", "Keeping rats, insects and birds away", _ROUTINE, "rodents", "exterminator"),
    _skill("plumbing.drains", "Clearing and mending drains in buildings", _ROUTINE, "blocked drain", "waste pipe"),
    _skill("plumbing.fixtures", "Taps, toilets and basins", _ROUTINE, "faucet", "running toilet"),
    _skill("plumbing.gas", "Gas pipes and appliances", _CAREFUL, "gas leak", "gas supply", critical=True),
    _skill("plumbing.leak_repair", "Stopping leaks in buildings", _ROUTINE, "burst pipe", "dripping"),
    _skill("plumbing.steam_hot_water", "Radiators, risers and hot water", _ROUTINE, "radiator", "no hot water"),
    _skill("sewer.catch_basin", "Gullies and storm inlets", _ROUTINE, "storm drain", "flooded street"),
    _skill("sewer.cctv_inspection", "Looking into sewers by camera", _CAREFUL, "sewer camera"),
    _skill("sewer.cleaning", "Jetting and clearing sewers", _ROUTINE, "sewer backup"),
    _skill("sewer.manhole", "Covers, frames and chambers", _ROUTINE, "manhole cover"),
    _skill("signal.controller", "Signal controllers and vehicle detection", _CAREFUL, "timing", "signal cabinet",
           critical=True),
    _skill("signal.heads", "Signal heads, lamps and pedestrian push buttons", _ROUTINE, "traffic light", "walk light"),
    _skill("street.paving", "Opening and closing the road surface", _ROUTINE, "pothole", "cave-in"),
    _skill("street.signs", "Putting up and mending signs", _ROUTINE, "stop sign", "street name"),
    _skill("streetlight.circuit_faults", "Faults that darken a whole row of street lights", _CAREFUL, "block out"),
    _skill("streetlight.luminaire", "Lamps and fittings of street lights", _ROUTINE, "street light out"),
    _skill("streetlight.pole", "Poles and arms of street lights", _ROUTINE, "leaning pole", "knocked-down pole"),
    _skill("streetlight.underground_cable", "Buried cables of street lights", _CAREFUL, "cable fault", critical=True),
    _skill("water.hydrants", "Street hydrants", _ROUTINE, "hydrant leaking", "open hydrant"),
    _skill("water.leak_location", "Finding where water escapes underground", _CAREFUL, "leak detection"),
    _skill("water.mains", "Mending water mains", _CAREFUL, "main break"),
    _skill("water.metering", "Water meters", _ROUTINE, "meter reading", "meter leak"),
    _skill("water.quality_sampling", "Sampling water", _CAREFUL, "discoloured water", "taste"),
    _skill("water.service_line", "Pipes from the main to the house", _ROUTINE, "low pressure", "no water"),
    _skill("water.valves", "Working valves and shutting off", _ROUTINE, "shut off", "turn on water"),
)  # fmt: skip

CERTIFICATIONS: tuple[StarterCertification, ...] = (
    _paper("EPA-608-I", "Refrigerants in small appliances (EPA 608 I)", "US EPA", None, "refrigerant"),
    _paper("EPA-608-II", "Refrigerants at high pressure (EPA 608 II)", "US EPA", None, "refrigerant"),
    _paper("EPA-608-III", "Refrigerants at low pressure (EPA 608 III)", "US EPA", None, "refrigerant"),
    _paper("EPA-608-Universal", "All refrigerants (EPA 608 Universal)", "US EPA", None, "refrigerant"),
    _paper("FGAS-I", "Fluorinated gases, category I", "National body in the EU", None, "refrigerant"),
    _paper("FGAS-II", "Fluorinated gases, category II", "National body in the EU", None, "refrigerant"),
    _paper("NATE", "Heating and cooling technician (NATE)", "NATE", 24, "hvac"),
    _paper("GAS-FITTER", "Permission to work on gas", "State, city or national body", None, "gas", safety=True),
    _paper("ELEC-LICENSED", "Licensed electrician", "State, city or national body", None, "electrical", safety=True),
    _paper("NFPA-70E", "Electrical safety at work (NFPA 70E)", "Employer", 36, "electrical", safety=True),
    _paper("OSHA-10", "Safety at work, 10 hours", "Authorised trainer", None, "safety", safety=True),
    _paper("OSHA-30", "Safety at work, 30 hours", "Authorised trainer", None, "safety", safety=True),
    _paper("CONFINED-SPACE", "Entering confined spaces", "Employer", None, "safety", safety=True),
    _paper("WORK-AT-HEIGHT", "Working at height", "Employer or trainer", None, "safety", safety=True),
    _paper("BUCKET-TRUCK", "Operating an aerial platform", "Employer", None, "safety", safety=True),
    _paper("RESP-FIT", "Fit test for breathing protection", "Employer", 12, "safety", safety=True),
    _paper("FORKLIFT", "Driving a forklift", "Employer", 36, "safety", safety=True),
    _paper("HAZWOPER-40", "Dangerous waste, 40 hours and yearly refresher", "Trainer", 12, "safety", safety=True),
    _paper("CPR-FA", "First aid and resuscitation", "First-aid organisation", 24, "safety", safety=True),
    _paper("EPA-RRP", "Renovation in homes with lead paint (EPA RRP)", "US EPA or state", 60, "lead", safety=True),
    _paper("EPA-LEAD-INSP", "Inspecting for lead", "US EPA or state", 36, "lead"),
    _paper(
        "ASBESTOS-INSP", "Inspecting for asbestos, yearly refresher", "US EPA or state", 12, "asbestos", safety=True
    ),
    _paper("LIFT-LICENSED", "Licensed lift mechanic", "State or city", None, "lift", safety=True),
    _paper("QEI", "Qualified lift inspector", "Accredited body", 12, "lift"),
    _paper("NICET-FA-II", "Fire alarm systems, level II (NICET)", "NICET", 36, "fire"),
    _paper("NICET-WBS-II", "Water-based fire systems, level II (NICET)", "NICET", 36, "fire"),
    _paper("FIRE-INSP-I", "Fire inspector I", "ICC or NFPA", 36, "fire"),
    _paper("IMSA-TS-I", "Traffic signals, level I (IMSA)", "IMSA", 36, "signal"),
    _paper("IMSA-TS-II", "Traffic signals, level II (IMSA)", "IMSA", 36, "signal"),
    _paper("ASSE-5110", "Testing backflow preventers", "ASSE", 36, "water"),
    _paper("COMPTIA-NET", "Networks (CompTIA Network+)", "CompTIA", 36, "it"),
    _paper("COMPTIA-A", "Computers and devices (CompTIA A+)", "CompTIA", 36, "it"),
    _paper("BICSI-INST", "Installing structured cabling (BICSI)", "BICSI", 36, "it"),
    _paper("CBET", "Medical equipment technician", "AAMI", 36, "medical"),
    _paper("BLDG-INSP", "Certified building inspector", "ICC or local authority", 36, "inspection"),
    _paper("PEST-APPLICATOR", "Applying pesticides for others", "State", None, "pest", safety=True),
)
