"""The lineage of tables: what they were made from, across commits, and what was made from them."""
