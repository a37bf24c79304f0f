"""Parts of a table whose rows are compared elsewhere, so that only those that differ come here.

``work`` is what of a table's plan can be done independently, ``task`` does some of it wherever it
is run, and ``part_rows`` beside this folder are what that leaves, as bytes.
"""
