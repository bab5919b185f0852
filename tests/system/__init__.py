"""Tests that need programs of the system, such as a browser: `make test-system`, not by `make test`."""
