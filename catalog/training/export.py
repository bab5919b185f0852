"""From torch modules to graphs: exported in one go, cut where one part ends, compared before use."""

from __future__ import annotations

import contextlib
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
_EXAMPLES = 2
# An exported graph must give what the module gives, up to rounding in another order.
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
        example: two inputs of the first part; the first axis is the batch.

    Raises:
        RunFailed: the exporter cannot express a module, or a graph gives something else.
    """
    chain = _WithBoundaries(parts).eval()
    names = [f"boundary_{k}" for k in range(len(parts))]
    whole = _exported(chain, example, names)
    cuts = [whole.graph.input[0].name, *names]
    extractor = Extractor(whole)
    models = [extractor.extract_model([a], [b]) for a, b in pairwise(cuts)]
    with torch.no_grad():
        expected = [o.numpy() for o in chain(example)]
    _compare(models, example.numpy(), expected)
    return models


def _exported(chain: nn.Module, example: Tensor, names: list[str]) -> ModelProto:
    try:
        with _quiet():
            program = torch.onnx.export(
                chain,
                (example,),
                dynamo=True,
                dynamic_shapes={"x": {0: torch.export.Dim("N")}},
                output_names=names,
                opset_version=OPSET,
                optimize=True,
                verbose=False,
            )
    except Exception as e:
        raise RunFailed(f"the exporter cannot express the architecture: {e}") from e
    assert program is not None
    model: ModelProto = program.model_proto
    return model


def _compare(models: Sequence[ModelProto], inputs: Array, expected: Sequence[Array]) -> None:
    import onnxruntime as ort

    values = inputs
    for k, (model, wanted) in enumerate(zip(models, expected, strict=True)):
        session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        values = session.run(None, {session.get_inputs()[0].name: values})[0]
        if values.shape != wanted.shape or not np.allclose(
            values, wanted, RELATIVE_TOLERANCE, ABSOLUTE_TOLERANCE
        ):
            worst = float(np.abs(values - wanted).max()) if values.shape == wanted.shape else float("nan")
            raise RunFailed(f"exported part {k} differs from the trained module by up to {worst:.3g}")


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """The exporter warns about its own deprecated calls and logs what it does; errors are raised."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
