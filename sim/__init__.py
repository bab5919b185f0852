"""Whole days in seconds, with the engine's own scheduler and ledger. May import engine and below."""
