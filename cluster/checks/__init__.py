"""Try one machine from end to end, for `make doctor`: each check says what to do about it."""
