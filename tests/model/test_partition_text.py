"""Partitions and keys as messages show them."""

from catalog.model.partition import key_text, partition_text


def test_a_partition_reads_like_its_path() -> None:
    assert partition_text({"day": "2024-01-01", "region": None}) == "day=2024-01-01/region=NULL"
    assert partition_text({}) == ""


def test_a_key_lists_its_columns() -> None:
    assert key_text(("origin", "month"), ("EWR", None)) == "origin=EWR, month=NULL"
