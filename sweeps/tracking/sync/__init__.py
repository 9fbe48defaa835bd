"""Send W&B what it lacks of a sweep that is on record, and tell what is there."""
