"""Ray runs the trials: the sweep's Ray, Tune on it, and a trial's own process."""
