"""Pure values: ids, schemas, data files, commits and refs; no library, no storage."""
