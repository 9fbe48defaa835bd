"""Write the sections of the page.

across.py     several sweeps beside each other
findings.py   the findings, topic by topic
best.py       the best trial, and how to use it
sheet.py      the sheet, to be sorted and filtered
figure.py     a figure with its sentence and its table
histograms.py weights and gradients of two trials, side by side
origin.py     versions, seeds, data, and the commands that make each part again
"""
