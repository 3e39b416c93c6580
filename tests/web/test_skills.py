"""The pages of the skills catalogue."""

from collections.abc import Callable

import pytest
from sqlalchemy import text

from dispatch.skills.models import Skill
from dispatch.workforce.models import Technician
from tests.factories import make_certification_kind, make_evidence, make_skill
from tests.web.browser import Browser
from tests.web.conftest import Site

SignIn = Callable[[str], Browser]


@pytest.fixture(scope="module")
def trade(site: Site) -> dict[str, int]:
    """Two skills of a trade, and a kind of certificate."""
    with site.session() as session:
        heating = make_skill(session, name="Heating", code="heat", assignable=False)
        burners = make_skill(session, name="Burners", parent_id=heating.id, level_anchors={"3": "lights them alone"})
        pumps = make_skill(session, name="Heat pumps", parent_id=heating.id)
        return {
            "heating": heating.id,
            "burners": burners.id,
            "pumps": pumps.id,
            "kind": make_certification_kind(session, name="Gas ticket").id,
        }


def stored(site: Site, skill_id: int) -> Skill:
    with site.session() as session:
        found = session.get_one(Skill, skill_id)
        session.expunge(found)
        return found


@pytest.mark.parametrize("role", ["technician", "dispatcher", "manager", "administrator"])
def test_everybody_reads_the_catalogue(client_for: SignIn, trade: dict[str, int], role: str) -> None:
    someone = client_for(role)
    page = someone.get("/skills")
    assert "Heat pumps" in page.text
    assert ("New skill" in page.text) is (role == "administrator")
    page = someone.get(f"/skills/{trade['burners']}")
    assert "lights them alone" in page.text
    assert ("Where it is used" in page.text) is (role != "technician"), "people are not for everybody"
    assert "Gas ticket" in someone.get(f"/skills/certificates/{trade['kind']}").text


@pytest.mark.parametrize("role", ["technician", "dispatcher", "manager"])
def test_who_may_not_change_it_is_told_who_may(client_for: SignIn, trade: dict[str, int], role: str) -> None:
    page = client_for(role).get(f"/skills/{trade['burners']}/edit", status=403)
    assert "administrator" in page.text


def test_found_in_ones_own_words_with_typing_errors(client_for: SignIn, trade: dict[str, int]) -> None:
    page = client_for("technician").get("/skills?q=haet+pump")
    assert "Heat pumps" in page.text
    assert "Burners" not in page.text
    assert "No skill is called like" in client_for("technician").get("/skills?q=zzzz").text


def test_changed_in_place_and_taken_back(client_for: SignIn, site: Site, trade: dict[str, int]) -> None:
    admin = client_for("administrator")
    address = f"/skills/{trade['burners']}"
    admin.get(f"{address}/edit")
    values = {"name": "Boiler burners", "aliases": "furnace\nno heat", "level_4": "finds odd flames"}
    where = admin.send(values, button="Save")
    page = admin.get(where)
    assert "furnace, no heat" in page.text
    assert "Burners" in page.text, "the old name is another word for it"
    assert "finds odd flames" in page.text
    admin.send({}, button="Undo")
    assert "furnace" not in admin.get(address).text
    assert stored(site, trade["burners"]).name == "Burners"


def test_what_is_wrong_stands_beside_its_field(client_for: SignIn, trade: dict[str, int]) -> None:
    admin = client_for("administrator")
    admin.get(f"/skills/{trade['burners']}/edit")
    page = admin.send({"name": "Heat pumps", "aliases": "kept"}, button="Save", status=422)
    assert "There is already “Heat pumps” under Heating." in page.text
    assert "kept" in page.html, "nothing typed is lost"
    page = admin.send({"name": "Burners", "half_life_days": "0"}, button="Save", status=422)
    assert "between 1 and 36500" in page.text


def test_whoever_saves_second_keeps_their_entries(client_for: SignIn, trade: dict[str, int]) -> None:
    first, second = client_for("administrator"), client_for("administrator")
    for someone in (first, second):
        someone.get(f"/skills/{trade['pumps']}/edit")
    first.send({"aliases": "air source"}, button="Save")
    page = second.send({"aliases": "ground source"}, button="Save", status=409)
    assert "while you had it open" in page.text
    assert "ground source" in page.html
    where = second.send({}, button="Save")
    assert "ground source" in second.get(where).text


def test_a_new_skill_and_a_merge_with_its_preview(client_for: SignIn, site: Site, trade: dict[str, int]) -> None:
    admin = client_for("administrator")
    admin.get(f"/skills/new?parent={trade['heating']}")
    where = admin.send({"name": "Heatpumps", "aliases": "HP"}, button="Add skill")
    new = int(where.rpartition("/")[2])
    with site.session() as session:
        person = session.get_one(Technician, site.technician_id)
        make_evidence(session, technician=person, skill=session.get_one(Skill, new))
    page = admin.get(f"/skills/{new}/merge")
    assert "1 fact is on record" in page.text
    where = admin.send({"into_id": str(trade["pumps"])}, button="Merge")
    page = admin.get(where)
    assert "HP" in page.text
    assert "Lives on here" in page.text
    assert "lives on in another one" in admin.get(f"/skills/{new}").text
    assert f'href="/skills/{new}"' not in admin.get("/skills").html


def test_out_of_use_and_back(client_for: SignIn, trade: dict[str, int]) -> None:
    admin = client_for("administrator")
    page = admin.get(f"/skills/{trade['heating']}/retire")
    page = admin.send({"reason": "not ours"}, button="Take out of use", status=409)
    assert "below it" in page.text
    admin.get(f"/skills/{trade['burners']}/retire")
    where = admin.send({"reason": "not ours"}, button="Take out of use")
    assert "out of use" in admin.get(where).text
    assert "Burners" not in admin.get("/skills").text
    assert "Burners" in admin.get("/skills?retired=1").text
    admin.get(where)
    admin.send({}, button="Use it again")
    assert "Burners" in admin.get("/skills").text


def test_a_kind_of_certificate_with_what_it_proves(client_for: SignIn, trade: dict[str, int]) -> None:
    admin = client_for("administrator")
    admin.get("/skills/certificates/new")
    page = admin.send({"name": "Pump ticket", "code": ""}, button="Add certificate", status=422)
    assert "Give it a short code." in page.text
    where = admin.send({"code": "PUMP", "usual_validity_months": "36"}, button="Add certificate")
    assert "36 months" in admin.get(where).text
    admin.get(f"{where}/edit")
    values = {"skill_id": str(trade["pumps"]), "level": ""}
    assert "a level" in admin.send(values, button="Save", status=422).text
    admin.send(values | {"level": "3"}, button="Save")
    assert "Heat pumps level 3" in admin.get(where).text
    assert "Pump ticket" in admin.get(f"/skills/{trade['pumps']}").text
    admin.get(where)
    admin.send({}, button="Take out of use")
    assert "Pump ticket" not in admin.get("/skills").text


def test_the_built_in_catalogue_in_one_click_and_once(client_for: SignIn, site: Site) -> None:
    admin = client_for("administrator")
    for again in (False, True):
        admin.get("/skills")
        where = admin.send({}, button="Add what is missing of the built-in catalogue")
        page = admin.get(where)
        assert ("Nothing was missing." in page.text) is again
    with site.session() as session:
        assert session.scalar(text("SELECT count(*) FROM skill WHERE code = 'hvac.heating_plant'")) == 1
