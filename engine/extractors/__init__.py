"""Extractors: each finds the windows of one input type in a frame.

May import catalog and the engine's value types. This file imports nothing heavy.
"""
