"""State what came of a sweep, computed from its record alone, with intervals.

finding.py         a statement with its numbers, and all of a sweep's
findings.py        all of them, from a sweep as it was read
findings_json.py   findings.json
observations.py    scores at equal epochs, and what varied, as a design
regression.py      a model of the rest
effects.py         what each value of each key has changed
effect_words.py    effects and importances in sentences
importance.py      which parameters mattered
seed_noise.py      how much scores vary between seeds
winner.py          what won, by how much, and how far luck has helped
edges.py           where the good ones lie in the space
early_stopping.py  what stopping has saved and risked
waste.py           what came to nothing, and idle machines
next_sweep.py      what to run next
"""
