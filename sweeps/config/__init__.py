"""Turn a command line into a composed configuration, and explain what is wrong with it.

schema.py          the typed configuration of a sweep, and the kinds of its keys
composition.py     compose the configuration of a sweep and of its trials with Hydra
swept_space.py     find what varies
keys.py            look up dotted keys in configurations
trusted_targets.py take nothing that runs code from a folder of results
recorded_training.py  read the configuration of a training on record
overrides.py       read the words of a command line
unknown_keys.py    refuse keys that were appended in spite of the schema
require.py         refuse infeasible trials: `require:`, `model.max_parameters`
error_messages.py  explain what Hydra refuses
"""
