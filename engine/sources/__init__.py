"""Sources: video files, image folders, cameras, streams and the digit camera give frames.

May import catalog and the engine's value types. This file imports nothing heavy.
"""
