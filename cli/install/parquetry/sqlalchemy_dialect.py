"""Where SQLAlchemy finds the dialect, whatever else is called ``catalog``."""

from catalog.sqlalchemy_dialect import ParquetryDialect

__all__ = ["ParquetryDialect"]
