"""python -m mcdnn."""

import sys

from mcdnn.cli import main

sys.exit(main())
