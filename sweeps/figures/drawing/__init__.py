"""Draw what all figures share.

scales.py      from a value to a place on an axis, and its ticks
canvas.py      text, lines and axes as SVG
marks.py       how a trial is marked: its state, its rank, the best, the baseline
parameters.py  the scale of a swept key
"""
