"""From the command line to a composed configuration, and what is wrong with it in a line."""
