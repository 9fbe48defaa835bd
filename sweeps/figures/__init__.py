"""Draw a sweep: static SVG made of strings, each with a sentence and a table.

all_figures.py  all of them, in the order of the page
figure.py       what a figure is
drawing/        scales, text, axes; how a trial is marked
curves.py       learning curves, and where trials were stopped
parameters.py   the objective against each swept key
contours.py     the objective over two keys
parallel.py     parallel coordinates
importance.py   which keys mattered, and in which direction
effects.py      what worked and what did not, with intervals
trade_off.py    two objectives against each other
generations.py  who gave way to a child of whom (stop=pbt)
repeats.py      the same configurations with other seeds
timeline.py     when and where trials were trained
failures.py     what came to nothing, by reason
classes.py      confusion matrix and classes of the best
"""
