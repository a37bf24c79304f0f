"""Tables of Delta Lake: read through deltalake, which is imported only here."""
