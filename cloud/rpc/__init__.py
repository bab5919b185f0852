"""The protocol between device and server: one sub-package a version, generated from protos/.

`python -m cloud.rpc.generate` writes them; nothing in them is edited by hand. Imports only protobuf and grpc.
"""
