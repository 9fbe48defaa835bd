"""Define what varies in a sweep: the grammar, the dimensions and their conditions."""
