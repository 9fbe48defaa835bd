"""Load speech frames with phoneme labels: their layouts on disk, their cache, their windows."""
