"""The same configuration with several seeds, and what their scores allow to say."""
