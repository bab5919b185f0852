"""From torch modules to graphs: exported in one go, cut where one part ends, compared before use."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
import torch
from onnx import ModelProto
from onnx.utils import Extractor
from torch import Tensor, nn

from catalog.backends.protocol import Array
from catalog.errors import RunFailed

OPSET = 18
_QUIET = {"torch.onnx": logging.ERROR, "torch.fx": logging.ERROR, "torch.export": logging.CRITICAL}
_EXAMPLES = 2
# An exported graph must give what the module gives, up to rounding in another order: |a - b| within
# ABSOLUTE_TOLERANCE * (largest |b|, at least 1) + RELATIVE_TOLERANCE * |b|.
RELATIVE_TOLERANCE = 1e-3
ABSOLUTE_TOLERANCE = 1e-4


class _WithBoundaries(nn.Module):
    """Parts in order, giving what each of them gives."""

    def __init__(self, parts: Sequence[nn.Module]) -> None:
        super().__init__()
        self.parts = nn.ModuleList(parts)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        outputs = []
        for part in self.parts:
            x = part(x)
            outputs.append(x)
        return tuple(outputs)


def export_parts(parts: Sequence[nn.Module], example: Tensor) -> list[ModelProto]:
    """Return one graph for each part, with the batch axis left open.

    One export for the whole chain: the exporter takes seconds for each call, whatever its size.

    Args:
        parts: modules in evaluation mode, in order.
        example: two or more inputs of the first part; the first axis is the batch.

    Raises:
        RunFailed: the exporter cannot express a module, or a graph gives something else.
    """
    chain = _WithBoundaries(parts).eval()
    names = [f"boundary_{k}" for k in range(len(parts))]
    whole = exported(chain, example, names)
    cuts = [whole.graph.input[0].name, *names]
    extractor = Extractor(whole)
    models = [extractor.extract_model([a], [b]) for a, b in pairwise(cuts)]
    with torch.no_grad():
        expected = chain(example)[-1].numpy()
    compare(models, example.numpy(), expected)
    return models


def exported(module: nn.Module, example: Tensor, names: list[str]) -> ModelProto:
    """Return a module as a graph with the batch axis left open.

    Args:
        module: in evaluation mode; its forward takes one argument, x.
        example: windows, two or more; the first axis is the batch.
        names: of its outputs.

    Raises:
        RunFailed: the exporter cannot express it.
    """
    try:
        with _quiet():
            program = torch.onnx.export(
                module,
                (example[:_EXAMPLES],),
                dynamo=True,
                dynamic_shapes={"x": {0: torch.export.Dim("N")}},
                output_names=names,
                opset_version=OPSET,
                optimize=True,
                verbose=False,
            )
    except Exception as e:
        raise RunFailed(f"the exporter cannot express the architecture: {_root_cause(e)}") from e
    assert program is not None
    model: ModelProto = program.model_proto
    return model


def compare(models: Sequence[ModelProto], inputs: Array, expected: Array) -> None:
    """Check that graphs, one after the other, give what the modules gave: see RELATIVE_TOLERANCE.

    Raises:
        RunFailed: they do not.
    """
    import onnxruntime as ort

    values = inputs
    for model in models:
        try:
            session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
            values = session.run(None, {session.get_inputs()[0].name: values})[0]
        except Exception as e:  # onnxruntime's errors share no base class of their own
            raise RunFailed(f"the exported trunk cannot be run: {_root_cause(e)}") from e
    if values.shape != expected.shape:
        raise RunFailed(f"the exported trunk gives {values.shape}, the module {expected.shape}")
    largest = max(1.0, float(np.abs(expected).max()))
    if not np.allclose(values, expected, RELATIVE_TOLERANCE, ABSOLUTE_TOLERANCE * largest):
        worst = float(np.abs(values - expected).max())
        raise RunFailed(f"the exported trunk differs from the module by up to {worst:.3g} of {largest:.3g}")


def _root_cause(error: BaseException) -> str:
    """Return the first line of what made the exporter give up; the rest is its advice to developers."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = [line for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0] if lines else 'no reason given'}"


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """The exporter warns about its own deprecated calls, logs what it does and prints graphs that it gave
    up; errors are raised."""
    loggers = {logging.getLogger(name): level for name, level in _QUIET.items()}
    before = {logger: logger.level for logger in loggers}
    for logger, level in loggers.items():
        logger.setLevel(level)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in before.items():
            logger.setLevel(level)
