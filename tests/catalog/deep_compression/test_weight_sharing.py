from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from sklearn.cluster import KMeans

from catalog.deep_compression.weight_sharing import shared_values
from tests.catalog.graphs import normal


def test_clusters_are_those_of_k_means_from_the_same_start() -> None:
    weights = normal(0, 4000)
    start = np.linspace(weights.min(), weights.max(), 16)[:, np.newaxis]
    peer = KMeans(16, init=start, n_init=1, max_iter=300, tol=0.0).fit(
        weights[:, np.newaxis].astype(np.float64)
    )
    centroids, nearest = shared_values(weights, 16)
    np.testing.assert_allclose(centroids, np.sort(peer.cluster_centers_[:, 0]), atol=1e-6)
    np.testing.assert_allclose(centroids[nearest], peer.cluster_centers_[peer.labels_, 0], atol=1e-6)


def test_few_large_weights_keep_a_value_of_their_own() -> None:
    weights = np.append(normal(0, 5000) / 10, [4.0, 4.1]).astype(np.float32)
    centroids, nearest = shared_values(weights, 8)
    assert abs(centroids[nearest[-1]] - 4.05) < 1e-6


@given(st.lists(st.floats(-10, 10, width=32), max_size=60), st.integers(1, 20))
def test_values_are_few_and_none_is_further_than_its_neighbours(weights: list[float], clusters: int) -> None:
    values = np.array(weights, np.float32)
    centroids, nearest = shared_values(values, clusters)
    assert len(centroids) <= clusters
    assert sorted(set(nearest.tolist())) == list(range(len(centroids)))
    if len(values):
        distances = np.abs(values[:, np.newaxis] - centroids)
        own = distances[np.arange(len(values)), nearest]
        assert (own <= distances.min(axis=1) + 1e-5).all()
