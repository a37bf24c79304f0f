"""What lies outside of a catalog: hive directories and Parquet files."""
