"""Data outside a catalog: hive directories and Parquet files."""
