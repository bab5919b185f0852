"""Gating: frames of a scene in which nothing changed are neither searched nor asked about.

May import catalog and the engine's value types. This file imports nothing heavy.
"""
