"""What one can do with an open catalog: functions over an operation context."""
