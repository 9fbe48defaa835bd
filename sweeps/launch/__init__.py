"""Begin a sweep or a plan of several, resume it, and run it to its end.

begin.py    begin a new sweep
resume.py   resume a sweep, or extend it
session.py  run a session of a sweep, from start or resume to its end
plan.py     run the stages of a plan (`plan:`), one sweep after the other
stages.py   make each stage of a plan from the results of the stages before
"""
