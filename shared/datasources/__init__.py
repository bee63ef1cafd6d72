"""Facts per kind of database, one file each. To add a kind, add a file and name it here."""

from shared.core.datasource import Datasource
from shared.datasources import postgresql_flexible

KNOWN: tuple[Datasource, ...] = (postgresql_flexible.DATASOURCE,)
