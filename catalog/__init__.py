"""Parts, trunks, heads and variants: their values, how they are made, stored, measured and run.

May import nothing else of this project. This file imports values alone, nothing heavy.
"""
