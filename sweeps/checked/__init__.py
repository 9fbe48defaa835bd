"""Check a composed configuration before anything runs: the result is a `Sweep`.

sweep.py         a sweep that has passed every check
check.py         the checks, in the order in which a person would want to hear of them
trainable.py     what only the data and the models show: uses the next three
any_feasible.py  whether the search proposes a trial that may be trained
every_value.py   whether each swept value can be built
pbt_keys.py      which keys a trial may change while it trains (`stop=pbt`)
"""
