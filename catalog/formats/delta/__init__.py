"""Delta Lake: its tables read through deltalake, which is imported only here, and logs written."""
