"""Diagnose a model: checks before training, and a report of what a trained model gets wrong."""
