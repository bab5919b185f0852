"""Version 1 of the protocol, generated from protos/cloud/rpc/v1. Imported only where it is used."""
