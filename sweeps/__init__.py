"""The search side: what varies, what is tried, when to stop, and the record of it all."""
