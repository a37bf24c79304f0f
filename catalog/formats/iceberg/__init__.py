"""Iceberg tables: how they are read, and metadata of theirs over data files that exist already.

To read one, ``opening`` opens it, and only then imports the modules that import PyIceberg.
"""
