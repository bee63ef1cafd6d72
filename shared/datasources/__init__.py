"""Facts per kind of database, one file each. To add a kind, add a file and name it here."""

from shared.datasources import postgresql_flexible
from shared.datasources.facts import Datasource

KNOWN: tuple[Datasource, ...] = (postgresql_flexible.DATASOURCE,)
