"""Training trunks in torch, and from torch modules to graphs.

Only the modules that train import torch; `schedule` and `batches` do not.
"""
