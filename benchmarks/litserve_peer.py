"""LitServe with the trunk and head that the cloud server runs, by the same backends.

    python -m benchmarks.litserve_peer --port PORT --catalog DIR --variant ID [--batch N] [--timeout-s S] ...

A window comes as its bytes, and its class and confidence go back as eight bytes: no JSON on either side.
"""

import argparse
import struct
from pathlib import Path
from typing import Annotated, Any

import litserve
import numpy as np
import numpy.typing as npt
from fastapi import Body, Response

from benchmarks.cloud_trunks import served_chain
from catalog.heads import FusedHeads
from catalog.store import open_catalog

# No postponed annotations here: LitServe hands those of its handlers on to FastAPI as they are.
Window = Annotated[bytes, Body(media_type="application/octet-stream")]
UInt8 = npt.NDArray[np.uint8]


class Classifier(litserve.LitAPI):  # type: ignore[misc]
    """Answers one variant's question.

    Args:
        catalog: its folder.
        variant: its id.
        batch: most windows that run together.
        timeout_s: how long a batch waits for more windows.
    """

    def __init__(self, catalog: Path, variant: str, batch: int, timeout_s: float) -> None:
        super().__init__(max_batch_size=batch, batch_timeout=timeout_s)
        self._catalog = catalog
        self._variant = variant

    def setup(self, device: str) -> None:  # noqa: ARG002
        """Load the model; see LitAPI."""
        catalog = open_catalog(self._catalog)
        variant = catalog.variants[self._variant]
        trunk = catalog.trunks[variant.trunk]
        self._side_px = trunk.size_px
        self._trunk = served_chain(catalog, trunk.name)
        self._head = FusedHeads([catalog.head_weights(variant.head)])

    def decode_request(self, request: Window) -> UInt8:
        """Return a window (S, S, 3); see LitAPI."""
        return np.frombuffer(request, np.uint8).reshape(self._side_px, self._side_px, 3)

    def batch(self, inputs: list[UInt8]) -> UInt8:
        """Return windows (N, S, S, 3); see LitAPI."""
        return np.stack(inputs)

    def predict(self, windows: UInt8) -> list[tuple[int, float]]:
        """Return class and confidence of each window; see LitAPI."""
        batch = windows if windows.ndim == 4 else windows[np.newaxis]
        return [answer for (answer,) in self._head.answers(self._trunk(batch))]

    def unbatch(self, output: list[tuple[int, float]]) -> list[tuple[int, float]]:
        """Return one answer a window; see LitAPI."""
        return output

    def encode_response(self, output: Any) -> Response:
        """Return the answer's bytes; see LitAPI."""
        answer = output[0] if isinstance(output, list) else output
        return Response(struct.pack("<if", *answer), media_type="application/octet-stream")


def main() -> None:
    """Serve until ended."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--catalog", type=Path, required=True)
    parser.add_argument("--variant", required=True)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--timeout-s", type=float, default=0.0)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--fast-queue", action="store_true")
    args = parser.parse_args()
    api = Classifier(args.catalog, args.variant, args.batch, args.timeout_s)
    server = litserve.LitServer(
        api, accelerator="cpu", workers_per_device=args.workers, fast_queue=args.fast_queue
    )
    server.run(
        host="127.0.0.1",
        port=args.port,
        num_api_servers=1,
        log_level="error",
        generate_client_file=False,
        access_log=False,
    )


if __name__ == "__main__":
    main()
