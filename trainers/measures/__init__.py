"""Measure a training: the loss that it lowers, and what is counted over a pass of the data.

loss.py      the loss of the configuration, as a mean to train by and a sum to evaluate by
measure.py   what a pass adds up: loss, accuracy or errors, a metric of one's own
metrics.py   metrics of the whole validation part, choices of conf/metric/
"""
