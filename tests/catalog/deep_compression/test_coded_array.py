from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from catalog.deep_compression.coded_array import LARGEST_CODEBOOK, coded_array, decoded_array

_FEW = st.sampled_from([0.0, 0.0, 0.0, -0.0, 1.5, -2.25, np.inf, np.nan])


@settings(max_examples=60)
@given(arrays.arrays(np.float32, st.integers(0, 700), elements=_FEW, fill=st.just(0.0)))
def test_float_patterns_come_back_bit_for_bit(values: npt.NDArray[np.float32]) -> None:
    coded = coded_array(values.tobytes(), 4)
    assert coded is not None
    assert decoded_array(coded, 4, len(values)) == values.tobytes()


@settings(max_examples=30)
@given(st.sampled_from([np.int8, np.uint16, np.int64]), st.data())
def test_integers_of_any_width_come_back(kind: type[np.integer], data: st.DataObject) -> None:
    values = data.draw(arrays.arrays(kind, st.integers(0, 300), elements=st.integers(0, 100)))
    coded = coded_array(values.tobytes(), values.itemsize)
    assert coded is not None
    assert decoded_array(coded, values.itemsize, len(values)) == values.tobytes()


def test_sparse_shared_weights_take_a_small_part_of_their_bytes() -> None:
    rng = np.random.default_rng(0)
    values = np.where(rng.random(20_000) < 0.05, rng.integers(1, 17, 20_000), 0).astype(np.float32)
    coded = coded_array(values.tobytes(), 4)
    assert coded is not None
    # Of 5 % of the weights four bits of value and the entropy of a geometric gap, about 5.8 bits.
    assert len(coded) < 1.1 * (0.05 * 20_000 * (4 + 5.8) / 8 + 64 + 150)


def test_an_array_of_too_many_values_is_left_alone() -> None:
    most = np.arange(LARGEST_CODEBOOK, dtype=np.float32)
    assert coded_array(most.tobytes(), 4) is not None
    assert coded_array(np.append(most, np.float32(-1.0)).tobytes(), 4) is None


def test_a_dense_array_stores_no_gaps() -> None:
    values = np.tile(np.array([1, 2], np.uint8), 4000)
    coded = coded_array(values.tobytes(), 1)
    assert coded is not None
    assert len(coded) < 1000 + 20


@pytest.mark.parametrize("cut", range(0, 60, 7))
def test_a_cut_code_is_refused(cut: int) -> None:
    values = np.tile(np.array([0, 0, 1, 2, 3], np.int8), 100)
    coded = coded_array(values.tobytes(), 1)
    assert coded is not None
    assert len(coded) > 60
    with pytest.raises(ValueError):
        decoded_array(coded[:cut], 1, 500)
