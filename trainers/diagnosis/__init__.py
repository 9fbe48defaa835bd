"""Knowing what a model does: checks before training, and a look at what was learnt."""
