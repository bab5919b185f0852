"""Ways to pick configurations, one a file; table.py names them. Pure: no clock, no I/O.

May import engine.scheduling alone. This file imports nothing.
"""
