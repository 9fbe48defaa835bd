"""Draw a sweep: static SVG made of strings, each with a sentence and a table.

all_figures.py all of them, in the order of the page
figure.py      what a figure is
drawing/       scales, text, axes; how a trial is marked
curves.py      learning curves, and where trials were stopped
"""
