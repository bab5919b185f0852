"""Parts, trunks, heads and variants: their values, how they are made, stored, measured and run.

May import nothing else of this project. This file imports values alone, nothing heavy.
"""

import os

# Read when the library is loaded, wherever in here that happens first. Left alone where the user says
# something else.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
