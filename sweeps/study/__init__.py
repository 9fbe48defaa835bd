"""The record of a sweep: an Optuna study, wherever it is kept."""
