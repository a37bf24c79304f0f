"""Checks that files state: parquetry.toml, dbt's properties files, data contracts of ODCS."""
