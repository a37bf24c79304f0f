"""Object stores in buckets: what all services share, and one module for each service."""
