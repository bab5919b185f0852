"""Encryption, certificates and tokens against a real server on loopback."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import grpc
import pytest
import trustme
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub

from catalog.errors import BadInput
from cloud.access import Access, check_exposure, server_credentials
from cloud.client import CloudClient
from cloud.credentials import Credentials, read_credentials
from cloud.endpoint import Endpoint
from cloud.errors import CloudDenied, CloudLacksVariant, CloudUnreachable
from cloud.hosting import HostedCatalog
from cloud.tokens import Tokens, read_tokens
from engine.offload import Question
from tests.cloud.loopback import STEP_LIMIT_S, loopback
from tests.cloud.test_server import request

TOKEN = "a-token-of-the-porch-camera"
ELSEWHERE = Endpoint("198.51.100.1", 1)


class Papers:
    """Certificates made for a test: a server's, a device's, one that has expired and one of a stranger."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        authority, stranger = trustme.CA(), trustme.CA()
        past = datetime(2020, 1, 1, tzinfo=UTC)
        self.ca = folder / "ca.pem"
        authority.cert_pem.write_to_path(str(self.ca))
        self.server = self._write("server", authority.issue_cert("127.0.0.1"))
        self.device = self._write("device", authority.issue_cert("porch", common_name="porch"))
        self.expired = self._write("expired", authority.issue_cert("porch", not_after=past, not_before=past))
        self.stranger = self._write("stranger", stranger.issue_cert("127.0.0.1"))

    def _write(self, name: str, issued: trustme.LeafCert) -> tuple[Path, Path]:
        certificate, key = self._folder / f"{name}.pem", self._folder / f"{name}-key.pem"
        for blob, append in zip(issued.cert_chain_pems, (False, True, True), strict=False):
            blob.write_to_path(str(certificate), append=append)
        issued.private_key_pem.write_to_path(str(key))
        return certificate, key


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Papers:
    return Papers(tmp_path_factory.mktemp("papers"))


def test_windows_travel_encrypted_to_a_server_that_the_device_trusts(
    hosted: HostedCatalog, papers: Papers
) -> None:
    access = Access(server_credentials(*papers.server, None))
    with loopback(hosted, access=access) as server:
        with CloudClient(server.endpoint, credentials=read_credentials(papers.ca)) as client:
            assert client.classify(request()).answers
        with CloudClient(server.endpoint) as plain, pytest.raises(CloudUnreachable):
            plain.classify(request())


def test_a_server_that_the_device_does_not_trust_gets_nothing(hosted: HostedCatalog, papers: Papers) -> None:
    access = Access(server_credentials(*papers.stranger, None))
    with (
        loopback(hosted, access=access) as server,
        CloudClient(server.endpoint, credentials=read_credentials(papers.ca)) as client,
        pytest.raises(CloudUnreachable),
    ):
        client.classify(request())


def test_only_devices_with_a_good_certificate_are_let_in(hosted: HostedCatalog, papers: Papers) -> None:
    access = Access(server_credentials(*papers.server, papers.ca))
    with loopback(hosted, access=access) as server:
        for shown in ((), papers.expired, papers.stranger):
            credentials = read_credentials(papers.ca, *shown)
            with (
                CloudClient(server.endpoint, credentials=credentials) as refused,
                pytest.raises(CloudUnreachable),
            ):
                refused.classify(request())
        with CloudClient(server.endpoint, credentials=read_credentials(papers.ca, *papers.device)) as client:
            assert client.classify(request()).answers


def test_only_devices_with_a_known_token_are_let_in(
    hosted: HostedCatalog, papers: Papers, tmp_path: Path
) -> None:
    kept, shown = tmp_path / "tokens", tmp_path / "token"
    kept.write_text(f"# devices\n\nporch:{TOKEN}\nattic: another-token-of-length\n")
    shown.write_text(TOKEN + "\n")
    access = Access(server_credentials(*papers.server, None), read_tokens(kept))
    with loopback(hosted, access=access) as server:
        right = read_credentials(papers.ca, token_file=shown)
        for wrong in (None, "", TOKEN[:-1], TOKEN + "x"):
            held = Credentials(True, right.ca, token=wrong)
            with CloudClient(server.endpoint, credentials=held) as client:
                with pytest.raises(CloudDenied, match="a token that this server knows is needed"):
                    client.classify(request())
                with pytest.raises(CloudDenied):
                    client.list_catalog(STEP_LIMIT_S)
        with CloudClient(server.endpoint, credentials=right) as client:
            assert client.classify(request()).answers
            assert client.list_catalog(STEP_LIMIT_S).variants
        with grpc.secure_channel(str(server.endpoint), grpc.ssl_channel_credentials(right.ca)) as channel:
            health = HealthStub(channel).Check(HealthCheckRequest(), timeout=STEP_LIMIT_S)
        assert health.status == HealthCheckResponse.SERVING
        logged = [json.loads(line) for line in server.lines]
    assert [line["status"] for line in logged] == ["UNAUTHENTICATED"] * 8
    assert TOKEN[:-1] not in str(logged)


def test_the_log_names_the_device_by_its_token(hosted: HostedCatalog) -> None:
    access = Access(None, Tokens({TOKEN: "porch"}))
    with (
        loopback(hosted, access=access) as server,
        CloudClient(server.endpoint, credentials=Credentials(token=TOKEN)) as client,
        pytest.raises(CloudLacksVariant),
    ):
        client.classify(request(Question("a", "wide/other")))
    (line,) = server.lines
    assert "porch@ipv4:127.0.0.1:" in line


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "no token in it"),
        ("# none\n", "no token in it"),
        ("porch\n", "line 1: expected NAME:TOKEN, the token of 16 characters or more"),
        ("porch:short\n", "line 1: expected NAME:TOKEN"),
        (f":{TOKEN}\n", "line 1: expected NAME:TOKEN"),
        (f"a:{TOKEN}\nb:{TOKEN}\n", "line 2: the token of a again"),
    ],
)
def test_a_token_file_that_makes_no_sense_is_told_without_its_tokens(
    tmp_path: Path, text: str, told: str
) -> None:
    path = tmp_path / "tokens"
    path.write_text(text)
    with pytest.raises(BadInput, match=told) as raised:
        read_tokens(path)
    assert TOKEN not in str(raised.value)


def test_files_that_make_no_sense_are_told(papers: Papers, tmp_path: Path) -> None:
    garbage = tmp_path / "garbage.pem"
    garbage.write_text("x")
    certificate, key = papers.server
    with pytest.raises(BadInput, match=r"--tls-key .*missing\.pem: No such file"):
        server_credentials(certificate, tmp_path / "missing.pem", None)
    with pytest.raises(BadInput, match="expected a PEM certificate and its unencrypted key"):
        server_credentials(certificate, papers.device[1], None)
    with pytest.raises(BadInput, match="expected a PEM certificate and its unencrypted key"):
        server_credentials(garbage, key, None)
    with pytest.raises(BadInput, match=r"--client-ca .*garbage\.pem: expected PEM certificates"):
        server_credentials(certificate, key, garbage)
    with pytest.raises(BadInput, match="a certificate and its key: expected both or neither"):
        read_credentials(papers.ca, certificate)
    with pytest.raises(BadInput, match="certificates without TLS"):
        read_credentials(papers.ca, encrypted=False)
    with pytest.raises(BadInput, match=r"cloud token .*: expected one line with the token"):
        read_credentials(token_file=certificate)


def test_an_address_that_others_can_reach_needs_encryption_or_a_word_of_consent() -> None:
    with pytest.raises(BadInput, match=r"--listen 198\.51\.100\.1:1: other machines can reach.*--insecure"):
        check_exposure(ELSEWHERE, encrypted=False, tokens=False, insecure=False)
    with pytest.raises(BadInput, match="tokens would travel unencrypted"):
        check_exposure(ELSEWHERE, encrypted=False, tokens=True, insecure=True)
    check_exposure(ELSEWHERE, encrypted=False, tokens=False, insecure=True)
    check_exposure(ELSEWHERE, encrypted=True, tokens=True, insecure=False)
    check_exposure(Endpoint("localhost", 1), encrypted=False, tokens=True, insecure=False)


def test_a_device_sends_no_token_unencrypted_to_another_machine() -> None:
    with pytest.raises(BadInput, match="a token would travel unencrypted: connect by TLS"):
        CloudClient(ELSEWHERE, credentials=Credentials(token=TOKEN))
