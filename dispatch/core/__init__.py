"""Settings, database, clock, errors, change log and queue: what every feature stands on."""
