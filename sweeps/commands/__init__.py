"""One module a make target: it reads the command line, and calls what does the work."""
