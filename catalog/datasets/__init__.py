"""Training data: built-in sets, folders of class folders and CSV lists become windows on disk.

May import the values, preprocessing and digits of `catalog`; nothing of training.
"""
