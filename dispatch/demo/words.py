"""Invented names of people, streets and customers, and the ways to put them together."""

FIRST_NAMES = (
    "Ada", "Amir", "Anouk", "Basil", "Beata", "Bram", "Carla", "Cem", "Dario", "Delia", "Edda", "Emre", "Esme",
    "Farid", "Fenna", "Gael", "Greta", "Hakon", "Hedi", "Ilya", "Ines", "Jaro", "Jette", "Kaan", "Kira", "Lale",
    "Lennox", "Lida", "Malik", "Marlo", "Mina", "Nadim", "Nele", "Oskar", "Otti", "Pavel", "Petra", "Quinn", "Rafi",
    "Ragna", "Rosa", "Samir", "Selma", "Sven", "Tamar", "Tilo", "Ulla", "Umar", "Vera", "Wanda", "Wim", "Xenia",
    "Yara", "Yusuf", "Zeno", "Zora", "Alba", "Borys", "Ciara", "Dunja", "Eamon",
)  # fmt: skip
LAST_NAMES = (
    "Abelard", "Ashgrove", "Barrowin", "Bellamine", "Brackwater", "Calloden", "Carrowmoor", "Delacroft", "Dunmarsh",
    "Eastlake", "Ellingworth", "Fairbrook", "Fenwright", "Galebrook", "Garrowby", "Halvorn", "Harkwell", "Heathmoor",
    "Ingelow", "Jarnwood", "Kestrelle", "Kirkbourne", "Larkfield", "Linacre", "Lowmoor", "Marchetti", "Merrowdale",
    "Northcliff", "Oakhurst", "Osterby", "Pellinore", "Quillane", "Ravensby", "Redmere", "Rookwood", "Sandelin",
    "Silverton", "Stannard", "Tarnbrook", "Thornquist", "Umberfield", "Vancroft", "Vasquell", "Wetherly", "Wexmoor",
    "Yarrowby", "Zellweg",
)  # fmt: skip
STREET_NAMES = (
    "Alder", "Anchor", "Barley", "Beacon", "Birch", "Bridge", "Canal", "Castle", "Chapel", "Cooper", "Copper",
    "Cutler", "Dyer", "Eagle", "Elm", "Falcon", "Ferry", "Foundry", "Garden", "Glass", "Granary", "Harbour", "Hazel",
    "Heron", "Juniper", "Kiln", "Lantern", "Larch", "Linden", "Lock", "Maple", "Market", "Mason", "Mill", "Orchard",
    "Otter", "Poplar", "Potter", "Quarry", "Quay", "River", "Rope", "Rowan", "Sail", "Saddler", "Spring", "Station",
    "Tanner", "Thatcher", "Tower", "Union", "Vine", "Wagon", "Walnut", "Weaver", "Well", "Wharf", "Willow",
    "Windmill", "Wool", "Yew",
)  # fmt: skip
STREET_KINDS = ("Street", "Road", "Lane", "Avenue", "Square", "Terrace", "Walk")
DISTRICTS = {
    "North": ("Highfield", "Kilnmoor", "Brackley Park", "Alderbrook", "Upper Weir", "Thistledown", "Northgate"),
    "Centre": ("Old Town", "Harbour", "Cathedral Quarter", "Glassworks", "Market Side", "University", "Lock Island"),
    "South": ("Millbrook", "Southmere", "Ferry Green", "Larkhill", "Orchard End", "Saltmarsh", "Lower Weir"),
}

# kind of customer -> how many, how many sites each, name patterns, what the sites are called, whether gates are locked
CUSTOMER_KINDS: tuple[tuple[str, int, tuple[int, int], tuple[str, ...], str], ...] = (
    ("housing", 14, (8, 16), ("{street} Homes", "{district} Housing Association", "{last} Lettings"), "House {n}"),
    ("school", 26, (1, 3), ("{district} Primary School", "{street} Academy", "{last} College"), "Building {letter}"),
    ("hospital", 4, (3, 5), ("{district} Hospital", "St {first} Clinic"), "Wing {letter}"),
    ("care", 22, (1, 3), ("{street} House Care Home", "{last} Care"), "House {n}"),
    ("office", 48, (1, 3), ("{last} & {last2}", "{street} Offices", "{last} Partners"), "Office {n}"),
    ("shop", 62, (1, 2), ("{first}'s Bakery", "{street} Grocers", "{last} Pharmacy", "{last} Hardware"), "Shop"),
    ("hotel", 16, (1, 2), ("Hotel {street}", "The {last} Inn"), "Main house"),
    ("works", 24, (1, 4), ("{last} Works", "{street} Cold Storage", "{last} Printing"), "Hall {n}"),
    ("city", 3, (24, 40), ("Eastmere City Works", "Eastmere Transit", "Eastmere Water"), "Point {n}"),
    ("private", 170, (1, 1), ("{first} {last}",), "Home"),
)
PARKING = (
    "Loading bay at the back, 20 minutes",
    "Visitor space number {n}, ring first",
    "Street parking only; try {street} {kind}",
    "In the yard; tell the gatekeeper the job number",
    "Height limit 2.1 m in the garage: leave the van outside",
)
HAZARDS = (
    "Dog in the yard; ring and wait",
    "Asbestos register at reception; read it before drilling",
    "Low ceiling on the cellar stairs",
    "Forklifts in the yard: vest and shoes",
    "Roof hatch without rail: harness",
    "Live busbars behind the panel of the plant room",
)
CARE_NOTES = (
    "Likes to be told the day before, by phone.",
    "Short of hearing: ring twice and wait.",
    "Wants to see what was replaced.",
    "Explain the bill line by line; they had trouble with a former supplier.",
    "Runs the night shift: no calls before noon.",
    "Very happy with the last two visits.",
)
PARTNERS = ("Brightwell Lifts & Doors", "Tidewater Services")
