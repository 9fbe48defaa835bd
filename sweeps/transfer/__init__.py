"""Read trials of previous sweeps and adapt them to a new space, for a search to learn from.

previous_sweeps.py  find and read the sweeps that `from_sweep` names
adapt.py            adapt trials of one space to another
gather.py           gather the adapted trials for a sweep
"""
