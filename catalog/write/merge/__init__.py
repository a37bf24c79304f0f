"""The three-way merge of tables, schemas and rows."""
