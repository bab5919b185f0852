"""The embedded default: real handwritten digits rendered as a camera would see them.

Needs no download: the digits come with scikit-learn. May import catalog alone.
"""
