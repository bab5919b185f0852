"""The scheduling problem as a value, and the policies that pick configurations.

Pure functions of (state, now): no clock, no I/O. May import catalog and engine's value types; never
a runtime, a camera or the network. This file imports nothing.
"""
