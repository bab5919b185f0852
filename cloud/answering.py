"""One request as jobs for the worker, and their answers as one answer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from cloud.messages import ClassifyCall
from cloud.tree_run import Job, JobAnswer
from cloud.trunk_forest import Walk
from engine.offload import OffloadAnswer, OffloadedAnswer

Array = npt.NDArray[np.uint8] | npt.NDArray[np.float32]


def jobs_of(walks: Sequence[Walk], windows: Sequence[Array], most_windows: int) -> list[Job]:
    """Return a job for each walk, cut into several where it has more windows than run together.

    Args:
        walks: one a tree.
        windows: for each walk, what it reads: (N, S, S, 3) uint8 RGB, or features (N, ...) float32.
        most_windows: of a job.
    """
    jobs: list[Job] = []
    for walk, inputs in zip(walks, windows, strict=True):
        if len(inputs) <= most_windows:
            jobs.append(Job(walk, inputs))
        else:
            jobs += [Job(walk, inputs[i : i + most_windows]) for i in range(0, len(inputs), most_windows)]
    return jobs


def whole_answer(call: ClassifyCall, answers: Sequence[JobAnswer], took_s: float) -> OffloadAnswer:
    """Put a request's answer together.

    Args:
        call: the request.
        answers: of its jobs, in the order of jobs_of.
        took_s: from arrival until now.
    """
    rows: list[tuple[OffloadedAnswer, ...]] = [()] * len(call.questions)
    for answer in answers:
        for question, row in answer.rows.items():
            rows[question] += row
    execution_s = sum([a.execution_s for a in answers])
    return OffloadAnswer(
        call.request_id,
        tuple(rows),
        max(0.0, took_s - execution_s),
        execution_s,
        max([a.batch_windows for a in answers]),
    )
