"""Files that are replaced whole, or not at all."""
