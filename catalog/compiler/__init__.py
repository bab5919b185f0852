"""The compiler: from a request to a catalog on disk, in worker processes, resumable at any moment.

The process that compiles imports no torch; its workers do.
"""
