"""What people call the skills of the built-in catalogue, what each level means in each trade, what papers prove.

Words are what callers, dispatchers and technicians type; both spellings and the trade's own names. No word belongs to
two skills unless people really use it for both.
"""

WORDS: dict[str, str] = {
    "appliance.repair": (
        "oven, cooker, range, hob, fridge, refrigerator, freezer, washing machine, dryer, white goods"
    ),
    "building.carpentry": (
        "carpenter, door, door frame, floorboards, stairs, staircase, handrail, cabinet, cupboard, shelf, "
        "letterbox, mailbox, boarding up, secure a vacant building, unsecured building, window frame, "
        "deck, fence"
    ),
    "building.general": (
        "caretaker, building maintenance, janitor, rubbish, clearing out, small repairs, gutter cleaning"
    ),
    "building.glazing": "window, glass, double glazing, sash, window guard, skylight, broken pane, glazier",
    "building.locks": "lock, key, lock change, locked out, door closer, panic bar, padlock, latch",
    "building.plaster_paint": "paint, plaster, wall, ceiling, peeling paint, drywall, skim, painter, crack in wall",
    "building.tiling": "tile, ceramic, tiler, floor tiles, wall tiles",
    "building.weatherization": "weatherization, weatherproofing, loft insulation, draught proofing, drafty, caulking",
    "electrical.distribution": (
        "panel, breaker, meter board, power supply, mains supply, consumer unit, main fuse, busbar"
    ),
    "electrical.fault_finding": (
        "power cut, short circuit, sparks, trips, RCD trips, electrician, dead circuit, no electricity"
    ),
    "electrical.lighting": "light fitting, lights, bulb, ballast, emergency lighting, stairwell light, LED panel",
    "electrical.low_voltage": "intercom, doorbell, bell, entry phone, access control, door entry, video door",
    "electrical.wiring": "wiring, cable, outlet, socket outlet, light switch, exposed wires, new circuit, rewiring",
    "env.air_quality": "indoor air, dust, stale air, air sampling, odour indoors, VOC, air test",
    "env.asbestos": "asbestos, lagging, fibre cement, asbestos survey, asbestos removal",
    "env.hazmat": "hazardous materials, chemical smell, chemical spill, unsafe storage, solvent, acid, drum, hazmat",
    "env.lead_sampling": "lead, lead inspection, lead dust, lead test, lead in paint, lead in water",
    "env.mould": "mould, mildew, black mould, moisture, condensation",
    "fire.co_detection": "CO alarm, CO detector, carbon monoxide, CO leak",
    "fire.smoke_alarm": "smoke alarm, alarm chirps, fire alarm detector, smoke detector installation",
    "fire.sprinkler": "sprinkler, sprinkler head, standpipe, fire pump, deluge valve",
    "hvac.controls": "thermostat, heating timer, BMS, heating controls, room sensor, actuator, zone valve",
    "hvac.heating_plant": (
        "heating, furnace, boiler room, burner, no heating, insufficient heat, heating plant, heat "
        "exchanger, central heating, cold building"
    ),
    "hvac.refrigeration": (
        "air conditioner, AC, cooling, refrigerant, compressor, cold room, not cooling, F-gas, split unit"
    ),
    "hvac.ventilation": (
        "ventilation, ventilation system, exhaust fan, duct, air handler, filter change, kitchen hood"
    ),
    "inspection.building": (
        "building inspection, code violation, housing code, permit complaint, illegal conversion, no "
        "permit, vacant building, certificate of occupancy, property maintenance, illegal use, "
        "maintenance of structure"
    ),
    "inspection.electrical": (
        "electrical inspection, defective wiring report, electrical test report, installation test"
    ),
    "inspection.fire_code": "fire code inspection, fire safety check, fire exits, fire marshal",
    "inspection.mechanical": "mechanical inspection, building systems, pressure vessel check, plant inspection",
    "inspection.plumbing": "plumbing inspection, illegal plumbing, backflow check, drainage inspection",
    "inspection.site_safety": (
        "construction site safety, unsafe site, stop work order, site fence, endangered workers, hoarding"
    ),
    "inspection.structural": (
        "structural stability, falling debris, shaking building, leaning wall, cracks in structure, facade"
    ),
    "it.kiosk_hardware": "public terminal, touch screen kiosk, ticket vending, card reader, receipt printer",
    "it.network_field": "network, internet down, LAN, Wi-Fi, switch, access point, patch panel, cabling, data point",
    "it.telecom_line": "telephone, phone line, public phone, line fault, landline, phone box, fibre line",
    "lift.controls": "lift controller, lift fault code, lift levelling, elevator not working, lift inverter",
    "lift.electromechanical": "lift, lift door, lift motor, lift out of order, lift brake, elevator door, escalator",
    "lift.safety": "person trapped, lift shaft, shaft open, lift rescue, lift governor, overspeed",
    "parking.meter_electronics": (
        "parking meter, meter takes no coins, card stuck in meter, parking machine, no receipt"
    ),
    "pest.control": "vermin, rats, mice, cockroaches, bed bugs, pigeons, wasps, infestation, pest",
    "plumbing.drains": (
        "drain, clogged drain, sewer in the house, waste water, drainage, water in basement, trap, soil stack, lateral"
    ),
    "plumbing.fixtures": "plumber, plumbing, tap, sink, basin, bath, bathtub, shower, toilet, cistern, WC",
    "plumbing.gas": "gas, smell of gas, gas pipe, gas range, gas boiler pipework, gas fitter, gas meter",
    "plumbing.leak_repair": (
        "water leak, leaking pipe, leak in ceiling, pipe burst, water supply in building, damp patch"
    ),
    "plumbing.steam_hot_water": (
        "steam heating, hot water, heating pipes, riser, radiator cold, radiator leaking, water heater, heat"
    ),
    "sewer.catch_basin": (
        "catch basin, storm inlet, choked inlet, storm water, flooding in the street, gully, grating, grate"
    ),
    "sewer.cctv_inspection": (
        "sewer investigation, sewer odour, sewer smell, sewer survey, drain camera, sewer lateral"
    ),
    "sewer.cleaning": (
        "sewer overflow, blocked sewer, sewer jetting, sewage in basement, sewage, vacuum truck, wastewater"
    ),
    "sewer.manhole": "manhole, missing cover, loose manhole, sunken manhole, chamber",
    "signal.controller": (
        "signals flashing, signal stuck, signals out of sync, signal timing, detector loop, traffic controller"
    ),
    "signal.heads": (
        "traffic signal, signal bulb, signal lamp, pedestrian signal, signal damaged, push button, LED "
        "signal, vehicle signal, mast arm"
    ),
    "street.paving": (
        "paving, pavement, road surface, sinkhole, cave in, surface repair, asphalt, trench, kerb, sidewalk"
    ),
    "street.signs": "sign, road sign, missing sign, damaged sign, no parking sign, signpost, stop sign down",
    "streetlight.circuit_faults": (
        "whole street dark, several street lights out, lights on all day, block of lights out, circuit"
    ),
    "streetlight.luminaire": (
        "street light, streetlight, street lamp, light flickering, photocell, lamp cycling, too bright, "
        "dark street, lamp cover open"
    ),
    "streetlight.pole": (
        "pole, lamp post, lamppost, light pole, column, bracket arm, pole missing, light damaged, pole rusted"
    ),
    "streetlight.underground_cable": "street light cable, underground cable, cable fault, cable theft, feeder pillar",
    "water.hydrants": "hydrant, fire hydrant, hydrant running, hydrant hit, hydrant flow test, FH",
    "water.leak_location": (
        "leak in the street, water coming up, find a leak, listening stick, wet ground, water in the street"
    ),
    "water.mains": "water main, main break, burst main, pipe break in the street, clamp, valve chamber leak",
    "water.metering": "water meter, broken meter, leaking meter, meter cover, meter replacement, high water bill",
    "water.quality_sampling": (
        "dirty water, brown water, discolored water, water tastes, water smell, bad taste, cloudy water"
    ),
    "water.service_line": (
        "water pressure, low water pressure, no water supply, service line, house connection, noise in "
        "pipe, water off, curb stop"
    ),
    "water.valves": "valve, shut-off valve, turn off water, turn water back on, stopcock, gate valve, isolate",
}

# One sentence for each level from 1 to 5.
LEVELS: dict[str, tuple[str, str, str, str, str]] = {
    "appliance": (
        "carries, takes apart and cleans under guidance",
        "changes common parts and has the test run looked at",
        "finds and mends common faults of the usual makes alone",
        "finds faults that come and go, and mends sealed or gas-fired units",
        "teaches fault finding and decides what is worth mending",
    ),
    "building": (
        "holds, carries and prepares the work place beside a colleague",
        "does marked-out work that somebody looks over before leaving",
        "measures, chooses material and finishes standard work alone",
        "solves warped, worn or listed work where the usual part does not fit",
        "teaches, sets the standard of finish and signs work off",
    ),
    "electrical": (
        "prepares tools and runs cable beside an electrician, never live",
        "does known circuits that an electrician tests and closes",
        "isolates, proves dead, mends and tests standard circuits alone",
        "traces hidden and passing faults and works on supplies and panels",
        "teaches, judges risk and signs test reports",
    ),
    "env": (
        "sets up barriers and carries samples beside a trained colleague",
        "samples by the sheet, and somebody checks place and number",
        "judges, samples and makes an ordinary place safe alone",
        "decides on protection where it is unclear what was found",
        "teaches, approves work plans and releases places for use",
    ),
    "fire": (
        "hands over, labels and tests by button beside a colleague",
        "fits and replaces devices that somebody commissions",
        "fits, tests and hands over standard devices alone",
        "finds false alarms and faults of a whole system",
        "teaches, plans changes and signs systems off",
    ),
    "hvac": (
        "cleans, changes filters and helps beside a colleague",
        "services by the list, and readings are looked over",
        "services, finds common faults and sets standard plant alone",
        "solves unusual faults of plant, hydraulics and controls together",
        "teaches, commissions new plant and signs it off",
    ),
    "inspection": (
        "comes along, takes photographs and notes",
        "inspects by the list, and an inspector decides",
        "inspects ordinary cases, decides and writes the report alone",
        "decides unclear and disputed cases and says what is dangerous",
        "teaches, reviews decisions and speaks for them in hearings",
    ),
    "it": (
        "swaps devices and cables by instruction",
        "replaces parts and links that somebody tests from afar",
        "finds and mends common faults on site alone",
        "solves faults between several systems and suppliers",
        "teaches, designs and accepts installations",
    ),
    "lift": (
        "secures doors and hands tools, never alone in the shaft",
        "services by the list beside a mechanic who checks it",
        "services and mends the usual faults and frees people alone",
        "solves faults of drives and controllers of several makers",
        "teaches, accepts and signs lifts off for use",
    ),
    "parking": (
        "empties, cleans and notes faults",
        "swaps modules that somebody tests",
        "finds and mends common faults alone",
        "solves faults between meter, card and network",
        "teaches and accepts new machines",
    ),
    "pest": (
        "carries, records and cleans beside a colleague",
        "places and checks bait by a plan",
        "finds the cause and treats ordinary cases alone",
        "solves cases that came back, and sensitive places",
        "teaches, plans and answers for what is used",
    ),
    "plumbing": (
        "carries, drains and cleans beside a plumber",
        "fits known parts that a plumber tests",
        "finds, mends and pressure-tests standard cases alone",
        "solves hidden leaks and old or mixed systems",
        "teaches, plans and signs systems off",
    ),
    "sewer": (
        "secures traffic and hands tools, never below ground alone",
        "runs hose or camera while somebody leads",
        "clears, cleans and records ordinary cases alone with a second person above",
        "solves collapses, roots and cases that came back",
        "teaches, leads entry into confined spaces and signs it off",
    ),
    "signal": (
        "secures traffic and hands tools",
        "changes lamps and heads that somebody switches on",
        "mends and tests the usual faults at a crossing alone",
        "solves faults of timing, detection and communication",
        "teaches, accepts crossings and signs them off",
    ),
    "street": (
        "secures the place and moves material",
        "does marked-out work beside a colleague",
        "digs, fills, sets and restores ordinary places alone",
        "solves places with services below or ground that gives way",
        "teaches, plans traffic and accepts work",
    ),
    "streetlight": (
        "secures the place and hands tools from the ground",
        "changes lamps and fittings that somebody tests",
        "mends lamps, poles or cables of the usual kind alone, at height too",
        "solves faults of whole circuits and buried cables",
        "teaches, judges columns and signs work off",
    ),
    "water": (
        "secures the place and hands tools",
        "works valves and fits parts while somebody leads",
        "shuts off, mends, flushes and restores ordinary cases alone",
        "finds hidden leaks and keeps pressure while mending",
        "teaches, plans shut-offs and releases the water",
    ),
}

# What a paper proves besides permission: the skills and the level somebody must have to get it.
PROOFS: dict[str, tuple[tuple[str, int], ...]] = {
    "EPA-608-II": (("hvac.refrigeration", 2),),
    "EPA-608-Universal": (("hvac.refrigeration", 3),),
    "FGAS-I": (("hvac.refrigeration", 3),),
    "FGAS-II": (("hvac.refrigeration", 2),),
    "NATE": (("hvac.heating_plant", 3), ("hvac.refrigeration", 3)),
    "GAS-FITTER": (("plumbing.gas", 3),),
    "ELEC-LICENSED": (("electrical.wiring", 3), ("electrical.distribution", 3), ("electrical.fault_finding", 3)),
    "EPA-LEAD-INSP": (("env.lead_sampling", 3),),
    "ASBESTOS-INSP": (("env.asbestos", 3),),
    "LIFT-LICENSED": (("lift.electromechanical", 3), ("lift.safety", 3)),
    "NICET-FA-II": (("fire.smoke_alarm", 3),),
    "NICET-WBS-II": (("fire.sprinkler", 3),),
    "FIRE-INSP-I": (("inspection.fire_code", 3),),
    "IMSA-TS-I": (("signal.heads", 2),),
    "IMSA-TS-II": (("signal.heads", 3), ("signal.controller", 3)),
    "COMPTIA-NET": (("it.network_field", 2),),
    "BICSI-INST": (("it.network_field", 3),),
    "BLDG-INSP": (("inspection.building", 3),),
    "PEST-APPLICATOR": (("pest.control", 3),),
}
