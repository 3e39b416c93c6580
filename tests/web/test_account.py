"""Signing in and out, one's own account."""

from tests.web.conftest import PASSWORD, Site


def test_a_person_signs_in_and_lands_on_their_first_page(site: Site) -> None:
    browser = site.browser()
    browser.get("/sign-in")
    assert browser.send({"email": site.emails["manager"].upper(), "password": PASSWORD}) == "/"
    page = browser.get("/me")
    assert "Manager North" in page.text
    assert "Manager, North" in page.text
