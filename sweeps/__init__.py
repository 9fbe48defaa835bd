"""The search side: what varies, what is tried, when to stop, and the record of it all."""

from pathlib import Path

#: The checkout: conf/, trainers/ and this package lie in it, and Ray ships it to other machines.
ROOT = Path(__file__).resolve().parent.parent
