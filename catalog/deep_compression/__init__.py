"""Deep Compression: parts and heads pruned, their weights shared, and coded for storage and download.

Han, Mao and Dally, Deep Compression: Compressing Deep Neural Networks with Pruning, Trained
Quantization and Huffman Coding, ICLR 2016. Coding and decoding need numpy and onnx; `retraining` alone
imports torch.
"""
