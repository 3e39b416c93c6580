"""Patterns for ``LIKE`` from words that people type."""


def containing(text: str) -> str:
    """Return the pattern that matches whatever holds the text as it stands: its signs mean themselves."""
    return "%" + text.strip().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
