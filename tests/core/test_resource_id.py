"""Resource ids: official shapes are read, everything else is None, and nothing raises."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core import resource_id
from tests.core.samples import GROUP, INSTANCE, SERVER, SUBSCRIPTION, VAULT


@pytest.mark.parametrize(
    ("text", "kind", "name", "parent"),
    [
        (SERVER, "microsoft.dbforpostgresql/flexibleservers", "pg-orders", GROUP),
        (SERVER.upper(), "microsoft.dbforpostgresql/flexibleservers", "PG-ORDERS", None),
        (VAULT, "microsoft.dataprotection/backupvaults", "bv-one", GROUP.replace("rg-data", "rg-backup")),
        (INSTANCE, "microsoft.dataprotection/backupvaults/backupinstances", "pg-orders-1", VAULT),
        (f"{SERVER}/", "microsoft.dbforpostgresql/flexibleservers", "pg-orders", GROUP),
        (f"{SERVER}/databases/a_b.c", "microsoft.dbforpostgresql/flexibleservers/databases", "a_b.c", SERVER),
        (f"{GROUP}/providers/A.B.C/d/e", "a.b.c/d", "e", GROUP),
        (SERVER.replace("rg-data", "Straße-(1).x_y"), "microsoft.dbforpostgresql/flexibleservers", "pg-orders", None),
    ],
)
def test_official_shapes_are_read(text: str, kind: str, name: str, parent: str | None):
    """Type, name and parent of an id are what ARM says they are, whatever the casing."""
    found = resource_id.parse(text)
    assert found
    assert (found.type, found.name, found.subscription) == (kind, name, SUBSCRIPTION)
    assert parent is None or found.parent_id == parent


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/",
        SERVER[1:],
        f" {SERVER}",
        f"{SERVER}\n",
        f"{SERVER}//",
        SERVER.replace("/providers", "//providers"),
        SERVER.replace("rg-data", ".."),
        SERVER.replace("rg-data", "../rg"),
        SERVER.replace("rg-data", "rg."),
        SERVER.replace("rg-data", "r" * 91),
        SERVER.replace("rg-data", "rg data"),
        SERVER.replace("pg-orders", ".."),
        SERVER.replace("pg-orders", "-pg"),
        SERVER.replace("pg-orders", "pg orders"),
        SERVER.replace("pg-orders", "pg%2e%2e"),
        SERVER.replace("pg-orders", "pg%00"),
        SERVER.replace("pg-orders", "pg\x00"),
        SERVER.replace("pg-orders", "pg\u202egp"),
        SERVER.replace("pg-orders", "pg🐘"),
        SERVER.replace("pg-orders", "pg?x=1"),
        SERVER.replace("pg-orders", "pg#x"),
        SERVER.replace("pg-orders", "pg\\x"),
        SERVER.replace("subscriptions", "\u017fubscription\u017f"),
        SERVER.replace("flexibleServers", "flex\u0131bleServers"),
        SERVER.replace("pg-orders", "pg-\u212aelvin"),
        SERVER.replace(SUBSCRIPTION, "not-a-guid"),
        SERVER.replace(SUBSCRIPTION, SUBSCRIPTION + "0"),
        f"{SERVER}/databases",
        f"{SERVER}/a/b/c/d/e/f/g/h",
        GROUP,
        f"/subscriptions/{SUBSCRIPTION}",
        "https://management.azure.com" + SERVER,
        SERVER + "x" * 1_000_000,
        "/" * 1_000_000,
        None,
        7,
        b"/subscriptions",
        [SERVER],
        {"id": SERVER},
    ],
)
def test_everything_else_is_none(text: object):
    """Traversal, hidden characters, look-alike letters, missing and extra parts, and values that are no text: None."""
    assert resource_id.parse(text) is None


@given(st.one_of(st.text(), st.binary(), st.integers(), st.none(), st.text().map(lambda text: SERVER + text)))
def test_parse_never_raises(text: object):
    """Whatever comes in, the answer is an id or None; what is an id is the text that came in."""
    found = resource_id.parse(text)
    assert found is None or found.text == str(text).rstrip("/")


@given(st.sampled_from((SERVER, VAULT, INSTANCE)), st.lists(st.booleans(), min_size=256, max_size=256))
def test_casing_does_not_matter(text: str, flips: list[bool]):
    """Two spellings of one id that differ in casing alone have the same key, type and subscription."""
    mixed = "".join(char.swapcase() if flip else char for char, flip in zip(text, flips, strict=False))
    plain, other = resource_id.parse(text), resource_id.parse(mixed + text[len(mixed) :])
    assert plain
    assert other
    assert (plain.key, plain.type, plain.subscription) == (other.key, other.type, other.subscription)


@given(st.text(alphabet="abcK\u212a\u017fi\u0131\u0130./-_%0", max_size=12))
def test_a_name_that_is_read_is_ascii(name: str):
    """No letter outside ASCII gets into a name, a type or a subscription, not even one that folds into ASCII."""
    found = resource_id.parse(SERVER.replace("pg-orders", name))
    assert found is None or (found.name.isascii() and found.type.isascii())


def test_the_tags_suffix_is_taken_off():
    """An id under which tags are written is reduced to the resource that carries them; any other stays as it is."""
    assert resource_id.without_tags_suffix(f"{SERVER}/providers/Microsoft.Resources/Tags/default") == SERVER
    assert resource_id.without_tags_suffix(SERVER) == SERVER


def test_guids():
    """Exactly one GUID is one, with nothing around it."""
    assert resource_id.is_guid(SUBSCRIPTION)
    assert not resource_id.is_guid(f"{SUBSCRIPTION}\n")
    assert not resource_id.is_guid(f"{{{SUBSCRIPTION}}}")
    assert not resource_id.is_guid("")
