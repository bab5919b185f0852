"""Models: the built-in families, and what makes a trunk with parts and a head of any other module.

`architecture`, `families` and `graph_cuts` import no torch; everything else here does. May import
`catalog` only, and nothing of `catalog.compiler` or `catalog.transforms`.
"""
