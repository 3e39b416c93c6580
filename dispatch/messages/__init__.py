"""What customers and technicians are told: held for a moment, merged per person, sent once, or recalled."""
