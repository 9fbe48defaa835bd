"""Shows the words and the variables that a command is started with."""

import json
import os
import sys

words = sys.argv[1:]
holding = sorted(name for name, value in os.environ.items() if "hunter2" in value)
json.dump({"argv": words, "secret": holding}, sys.stdout)
