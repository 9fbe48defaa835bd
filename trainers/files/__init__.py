"""Write files, each replaced whole or not at all."""
