"""Offload over gRPC: protobuf code, wire mapping, client and server. May import engine and below."""
