"""Train the same configuration with several seeds, and judge the scores."""
