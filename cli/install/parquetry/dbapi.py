"""``import parquetry.dbapi`` gives what ``catalog.dbapi`` gives."""

from catalog.dbapi import *  # noqa: F403 - all that PEP 249 names
