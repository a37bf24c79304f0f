"""The catalog as an Iceberg REST catalog that can only be read: requests to answers, no network."""
