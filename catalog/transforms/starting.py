"""What a recipe that changes a stored trunk starts from: its graphs and a head for them."""

from __future__ import annotations

import numpy as np
from onnx import ModelProto

from catalog.heads import HeadWeights
from catalog.store import head_from_bytes
from catalog.transforms.recipe import StoredTrunk


def starting_graphs(start: StoredTrunk) -> list[ModelProto]:
    """Return the graphs of a stored trunk's parts, in order."""
    graphs = []
    for path in start.parts:
        graphs.append(ModelProto())
        graphs[-1].ParseFromString(path.read_bytes())
    return graphs


def starting_head(start: StoredTrunk) -> HeadWeights:
    """Return the head to train a stored trunk with: those of all tasks that train it, one after another.

    Raises:
        CatalogError: a file is not a stored head.
    """
    paths = (start.head, *start.further_heads)
    heads = [head_from_bytes(path.read_bytes(), str(path)) for path in paths]
    weight = np.concatenate([h.weight for h in heads])
    return HeadWeights(weight, np.concatenate([h.bias for h in heads]), 1.0)
