"""What is being seen, and heads for just that.

May import catalog; never torch. This file imports nothing.
"""
