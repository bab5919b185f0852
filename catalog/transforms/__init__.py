"""Techniques that make trunks: one file each, listed in `table.py`.

Planning a trunk imports nothing heavy; what making one needs is imported when it is made.
"""
