"""State what came of a sweep, computed from its record alone, with intervals.

finding.py  a statement with its numbers, and all of a sweep's
importance.py  which parameters mattered
"""
