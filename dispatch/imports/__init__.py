"""Files of other systems: read, checked, and turned into rows without losing or guessing anything."""
