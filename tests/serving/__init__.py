"""Tests of the catalog as an Iceberg REST catalog, without a network."""
