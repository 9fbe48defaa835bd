"""What varies: the grammar of values, the dimensions, and which exist with which."""
