"""Keep a training's files: each is replaced whole or not at all.

whole_file.py      replace a file whole
checkpoints.py     the state after every epoch: epoch_NNN/state.pt
checkpoint_folders.py  name, move and remove their folders
training_state.py  copy and serialise that state
inherit.py         go on from another training's checkpoint
history.py         the metrics of every epoch: metrics.csv
histograms.py      weights and gradients, counted, beside a checkpoint
tables.py          tables as CSV
"""
