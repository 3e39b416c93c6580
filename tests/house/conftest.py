"""Rules about pages need the application of the page tests."""

from tests.web.conftest import site

__all__ = ["site"]
