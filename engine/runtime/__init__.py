"""Running parts: what is in memory, what is on its way, and one pass over shared parts a window.

May import catalog and the pure modules of engine. Nothing heavy is imported here.
"""
