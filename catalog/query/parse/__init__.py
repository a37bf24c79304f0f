"""SQL text to pure values: tokens, table references, statements, predicates."""
