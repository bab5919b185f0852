"""Days that are generated: families of models, itineraries, contexts and links, from a seed.

May import engine and below, and sim's own values. This file imports nothing.
"""
