"""Sinks: where results go. Files of results, annotated video, recordings, callbacks.

May import catalog and the engine's value types. This file imports nothing heavy.
"""
