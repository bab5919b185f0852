"""A device that asks a server once: python -m tests.system.one_request CA TOKEN-FILE."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from cloud.client import CloudClient
from cloud.credentials import read_credentials
from cloud.endpoint import Endpoint
from engine.offload import OffloadRequest, Question

if __name__ == "__main__":
    credentials = read_credentials(ca=Path(sys.argv[1]), token_file=Path(sys.argv[2]))
    request = OffloadRequest(
        "r1", (Question("who", "wide/identity"),), (np.zeros((16, 16, 3), np.uint8),), 60.0
    )
    with CloudClient(Endpoint("localhost", 50051), credentials=credentials) as client:
        sys.stdout.write(f"{len(client.classify(request).answers)} answered\n")
