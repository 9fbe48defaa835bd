"""Read the command lines of what a group does with a sweep once it has begun."""
