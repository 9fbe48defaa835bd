"""Read a sweep's folder and record as they stand, whether its driver runs or not.

recorded_sweep.py  the sweep: its configuration, space, trials, remarks
remarks.py         what people of the group have noted about trials
"""
