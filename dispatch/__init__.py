"""Extramile: a living skills inventory, and a matcher that sends the best-qualified available person."""
