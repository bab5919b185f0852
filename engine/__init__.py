"""The live engine: sources, extractors, scheduling, ledger, runtime, sinks.

May import specializer and catalog. This file imports nothing heavy.
"""
