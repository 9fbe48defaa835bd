"""Read the command line of each make target, one module each, and call what does the work."""
