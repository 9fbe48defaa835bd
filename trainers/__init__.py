"""Train one model at a time, as a generator of epochs: the training side of Caviar.

`trainers.fit.fit` trains, `trainers.run.run` trains in a folder that survives a kill, and
`trainers.config` says what a training is. Nothing here knows of Ray, Optuna or W&B.
"""
