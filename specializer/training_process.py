"""The process that trains heads: one order a line on standard input, one answer a line on standard output.

    python -m specializer.training_process CATALOG

Ends when its input ends, so with whoever started it, however that ended. It gives way to everything
else on the machine before it loads anything.
"""

from __future__ import annotations

import os
import sys

# A tenth of the share of others where processors are short, all of what they leave.
NICENESS = 10
# Read when the libraries are loaded: threads of their own would take processors from inference.
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def main(catalog: str) -> None:
    """Train what is ordered until the input ends."""
    os.nice(NICENESS)
    os.environ.update(ONE_THREAD)
    from pathlib import Path

    from specializer.order_execution import OrderDesk, warm_up

    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a library prints is no answer
    desk = OrderDesk(Path(catalog))
    warm_up()
    for line in sys.stdin.buffer:
        answers.write(desk.answer(line))
        answers.flush()


if __name__ == "__main__":
    main(sys.argv[1])
