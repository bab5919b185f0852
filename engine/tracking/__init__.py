"""Tracking: the same thing in one frame after another, whose answer stands for a while.

May import catalog and the engine's value types. This file imports nothing heavy.
"""
