"""Names: always the same for the same thing, never the same for another."""

import re

from hypothesis import given
from hypothesis import strategies as st

from shared.core import names
from shared.core.resource_id import parse
from tests.core.samples import PRINCIPAL, SERVER


def test_golden_names():
    """The names of today are the names of every later version: a change would make everything twice."""
    server = parse(SERVER)
    assert server
    assert names.instance_name(server) == "pg-orders-83ee41e5-e47f-5ff8-9d66-19b889d7198f"
    assert names.role_assignment_name(SERVER, PRINCIPAL, "reader") == "221fc31b-ffe0-5213-a95f-078c938fb78c"


@given(st.lists(st.text(), max_size=3))
def test_case_does_not_matter(parts: list[str]):
    """ARM compares without case, and so do names."""
    assert names.stable_guid(*parts) == names.stable_guid(*(part.lower() for part in parts))


def test_two_servers_of_one_name_do_not_collide():
    """The same server name in another group is another instance."""
    here, there = parse(SERVER), parse(SERVER.replace("rg-data", "rg-other"))
    assert here
    assert there
    assert names.instance_name(here) != names.instance_name(there)


def test_an_instance_name_fits_the_service():
    """The longest server name still makes a valid name for a backup instance: letters, digits and dashes."""
    server = parse(SERVER.replace("pg-orders", "p" * 63))
    assert server
    assert re.fullmatch(r"[-a-zA-Z0-9]{3,150}", names.instance_name(server))
