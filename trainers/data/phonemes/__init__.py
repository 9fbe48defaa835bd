"""Speech frames with phoneme labels: the layouts they come in, their cache, their windows."""
