"""Begin a sweep or a plan of some, go on with it, and see it through to its end."""
