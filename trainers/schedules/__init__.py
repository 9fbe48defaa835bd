"""Change the learning rate as training goes on.

decay.py           the schedules that PyTorch does not have
pace.py            step a schedule after every batch or epoch; go to where an epoch left it
build_schedule.py  build what the group `schedule` of a configuration describes
"""

from trainers.schedules.decay import constant, cosine, two_stage

__all__ = ["constant", "cosine", "two_stage"]
