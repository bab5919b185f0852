"""Backends: a stored part becomes a callable. Adding one is a file here and a line in `table.py`."""
