"""What a run must not forget when it is killed: the spending of the current period, in a folder.

May import values and the ledger; loads no runtime.
"""
