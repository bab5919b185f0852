"""Who may ask the server: encryption, certificates and tokens, at its side."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import grpc

from catalog.errors import BadInput
from cloud.credentials import SCHEME, TOKEN_KEY
from cloud.endpoint import Endpoint
from cloud.pem_files import check_authority, check_pair, read_file
from cloud.tokens import Tokens

_HEALTH = "/grpc.health.v1.Health/"
_COMMON_NAME = "x509_common_name"

Metadata = Iterable[tuple[str, str | bytes]]


def name_of(tokens: Tokens, metadata: Metadata) -> str | None:
    """Return whose token a call carries, None for no known one."""
    return tokens.name_of(_presented(metadata))


def _presented(metadata: Metadata) -> str:
    for key, value in metadata:
        if key == TOKEN_KEY and isinstance(value, str) and value.startswith(SCHEME):
            return value.removeprefix(SCHEME)
    return ""


@dataclass(frozen=True, slots=True)
class Access:
    """Who may ask, and how.

    Args:
        credentials: None for no encryption.
        tokens: None where none is asked for.
    """

    credentials: grpc.ServerCredentials | None = None
    tokens: Tokens | None = None

    def client_of(self, context: grpc.aio.ServicerContext[Any, Any]) -> str:
        """Return who calls, for the log: by token or certificate where there is one, and from where."""
        peer: str = context.peer()
        names = [n.decode(errors="replace") for n in context.auth_context().get(_COMMON_NAME, ())]
        if self.tokens is not None:
            names += [name_of(self.tokens, context.invocation_metadata() or ()) or "?"]
        return "@".join([*names, peer])


OPEN = Access()


def server_credentials(certificate: Path, key: Path, client_ca: Path | None) -> grpc.ServerCredentials:
    """Read what encrypts connections.

    Args:
        certificate: PEM, the chain with the server's own first.
        key: PEM, not encrypted.
        client_ca: PEM of who signs devices' certificates; None lets in devices without one.

    Raises:
        BadInput: a file cannot be read or holds something else, or key and certificate do not match.
    """
    chain, secret = read_file(certificate, "--tls-certificate"), read_file(key, "--tls-key")
    trusted = None if client_ca is None else read_file(client_ca, "--client-ca")
    check_pair(certificate, key, "--tls-certificate", "--tls-key")
    if client_ca is not None:
        check_authority(client_ca, "--client-ca")
    return grpc.ssl_server_credentials([(secret, chain)], trusted, trusted is not None)


def check_exposure(listen: Endpoint, encrypted: bool, tokens: bool, insecure: bool) -> None:
    """Refuse an address that others can reach, as long as nothing is encrypted.

    Args:
        listen: the address.
        encrypted: whether connections are.
        tokens: whether tokens are asked for; they never travel unencrypted between machines.
        insecure: the user has said that pictures may.

    Raises:
        BadInput: not a loopback address, and not encrypted.
    """
    if encrypted or listen.loopback:
        return
    if tokens:
        raise BadInput(
            f"--listen {listen}: tokens would travel unencrypted: add --tls-certificate and --tls-key, "
            "or listen on localhost"
        )
    if not insecure:
        raise BadInput(
            f"--listen {listen}: other machines can reach this address and the connection is not encrypted: "
            "add --tls-certificate and --tls-key, listen on localhost, or add --insecure on a network that "
            "you trust"
        )


Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
Continuation: TypeAlias = "Callable[[grpc.HandlerCallDetails], Awaitable[Handler | None]]"


class TokenGate(grpc.aio.ServerInterceptor):
    """Lets calls in that carry a token; whoever only asks for the server's health needs none.

    Args:
        tokens: that are known.
        denied: told where a call came from that was not let in.
    """

    def __init__(self, tokens: Tokens, denied: Callable[[str], None]) -> None:
        self._tokens = tokens
        self._denied = denied
        # One that reads no message answers calls of every kind.
        self._refusing: Handler = grpc.stream_stream_rpc_method_handler(self._refuse)

    async def intercept_service(
        self, continuation: Continuation, handler_call_details: grpc.HandlerCallDetails
    ) -> Handler | None:
        """Return the call's own handler, or one that refuses."""
        health = handler_call_details.method.startswith(_HEALTH)
        if health or name_of(self._tokens, handler_call_details.invocation_metadata):
            return await continuation(handler_call_details)
        return self._refusing

    async def _refuse(self, requests: object, context: grpc.aio.ServicerContext[Any, Any]) -> None:  # noqa: ARG002
        self._denied(context.peer())
        await context.abort(grpc.StatusCode.UNAUTHENTICATED, "a token that this server knows is needed")
