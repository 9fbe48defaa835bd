"""The configuration tree; a package so that Hydra finds it as `pkg://conf`."""
