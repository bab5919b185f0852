"""An order of a head and its outcome as they travel, and the pure mappings to and from protobuf."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

import numpy as np

from catalog.errors import BadInput
from catalog.heads import HeadWeights
from catalog.store import content_id, head_to_bytes
from cloud.errors import CloudIncompatible
from cloud.rpc.v1 import classify_pb2 as pb
from specializer.cascade import CascadeRates
from specializer.cascade_threshold import CascadeAim
from specializer.special_head import SpecialHead

_LITTLE = np.dtype("<f4")
_MOST_SHIFT = 50.0  # in single precision nothing is left of the other classes long before


@dataclass(frozen=True, slots=True)
class TrainingCall:
    """An order as it travels: it names what the device knows by hashes.

    Args:
        request_id: stands in the server's log.
        variant: "<trunk>/<task>".
        part_ids: of the trunk, in order.
        head_id: of the variant's own head, which gives class ids their meaning.
        dominant: class ids of the task.
        seed: of the rows that are drawn, 0 to 2^64 - 1.
        aim: what the head is for.
        generic_trunk: of the model behind it; "" where it is not known.
        deadline_s: for how long a head is of use.
    """

    request_id: str
    variant: str
    part_ids: tuple[str, ...]
    head_id: str
    dominant: tuple[int, ...]
    seed: int
    aim: CascadeAim
    generic_trunk: str
    deadline_s: float


def training_call_to_proto(call: TrainingCall) -> pb.TrainHeadRequest:
    """Return the message of an order."""
    return pb.TrainHeadRequest(
        request_id=call.request_id,
        variant=call.variant,
        part_ids=call.part_ids,
        head_id=call.head_id,
        dominant=call.dominant,
        seed=call.seed,
        skew=call.aim.skew,
        generic_accuracy=call.aim.generic_accuracy,
        accuracy_loss=call.aim.accuracy_loss,
        generic_trunk=call.generic_trunk,
        deadline_s=call.deadline_s,
    )


def training_call_from_proto(message: pb.TrainHeadRequest) -> TrainingCall:
    """Return the order of a message; its values are not checked yet."""
    return TrainingCall(
        message.request_id,
        message.variant,
        tuple(message.part_ids),
        message.head_id,
        tuple(message.dominant),
        message.seed,
        CascadeAim(message.skew, message.generic_accuracy, message.accuracy_loss),
        message.generic_trunk,
        message.deadline_s,
    )


def special_head_to_proto(head: SpecialHead) -> pb.TrainedHead:
    """Return the message of a head; its classes are those that were ordered, and do not travel."""
    weights, rates = head.weights, head.rates
    return pb.TrainedHead(
        weight_float32=weights.weight.astype(_LITTLE).tobytes(),
        bias_float32=weights.bias.astype(_LITTLE).tobytes(),
        temperature=weights.temperature,
        threshold=head.threshold,
        accuracy_in=rates.accuracy_in,
        in_to_other=rates.in_to_other,
        accuracy_out=rates.accuracy_out,
        harder_in=rates.harder_in,
        harder_out=rates.harder_out,
        easier_in=rates.easier_in,
        easier_out=rates.easier_out,
        prior_shift=head.prior_shift,
        right_out=rates.right_out,
        strayed_in=rates.strayed_in,
        others=head.others,
        falls_short=head.falls_short,
        head_id=content_id(head_to_bytes(weights)),
    )


def special_head_from_proto(
    message: pb.TrainedHead, dominant: tuple[int, ...], feature_dim: int, classes: int
) -> SpecialHead:
    """Return the head of a message.

    Args:
        message: as it came.
        dominant: the classes that were ordered.
        feature_dim: of the trunk that it is for.
        classes: of the task.

    Raises:
        CloudIncompatible: it is none, none for that trunk and those classes, or not what was sent.
    """
    shares = (message.accuracy_in, message.in_to_other, message.accuracy_out)
    further = (message.right_out, message.strayed_in)
    harder = (message.harder_in, message.harder_out)
    easier = (message.easier_in, message.easier_out)
    if not all(isfinite(r) and 0.0 <= r <= 1.0 for r in (*shares, *further, message.threshold)):
        raise CloudIncompatible("a trained head with figures outside 0 to 1")
    if not all(isfinite(e) and -1.0 <= e <= 1.0 for e in (*harder, *easier)):
        raise CloudIncompatible("a trained head with differences outside -1 to 1")
    if not 0.0 <= message.prior_shift <= _MOST_SHIFT:
        raise CloudIncompatible(f"a trained head with a prior shift outside 0 to {_MOST_SHIFT:g}")
    rows, odd = divmod(len(message.bias_float32), _LITTLE.itemsize)
    if odd or rows <= len(dominant) or len(message.weight_float32) != len(message.bias_float32) * feature_dim:
        sizes = f"{len(message.weight_float32)} and {len(message.bias_float32)} bytes"
        raise CloudIncompatible(
            f"a trained head of {sizes}: expected more than {len(dominant)} rows of {feature_dim} values"
        )
    weight = np.frombuffer(message.weight_float32, _LITTLE).reshape(rows, feature_dim).astype(np.float32)
    bias = np.frombuffer(message.bias_float32, _LITTLE).astype(np.float32)
    try:
        weights = HeadWeights(weight, bias, message.temperature)
    except BadInput as e:
        raise CloudIncompatible(f"a trained head that is none: {e}") from e
    found = content_id(head_to_bytes(weights))
    if found != message.head_id:
        raise CloudIncompatible(f"a trained head with the hash {found}: expected {message.head_id}")
    others = tuple(message.others)
    if others and (rows != classes or sorted([*dominant, *others]) != list(range(classes))):
        raise CloudIncompatible("a trained head whose rows are not all classes of the task, each once")
    rates = CascadeRates(
        *shares,
        *harder,
        easier_in=easier[0],
        easier_out=easier[1],
        right_out=further[0],
        strayed_in=further[1],
    )
    return SpecialHead(
        weights,
        dominant,
        rates,
        message.threshold,
        message.falls_short,
        prior_shift=message.prior_shift,
        others=others,
    )
