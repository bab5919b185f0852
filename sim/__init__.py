"""Whole days in seconds, with the engine's own scheduler, ledger and residency.

May import engine and below; never a runtime, a camera or the network. This file imports nothing.
"""
