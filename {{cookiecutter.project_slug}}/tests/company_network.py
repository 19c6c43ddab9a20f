"""A company's network on loopback: an authority of its own, servers with its certificates, a proxy as the only way."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DOMAIN = "company.test"  # RFC 6761: no resolver knows it, so that whoever goes around the proxy arrives nowhere


class Authority:
    """Signs one certificate, for every host of the domain."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "authority.pem"
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "The company's authority")])
        root = self._signed(self._name, self._key.public_key(), ca=True)
        self.file.write_bytes(root.public_bytes(serialization.Encoding.PEM))
        self.tls = self._server(folder / "server.pem")

    def _server(self, file: Path) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"*.{DOMAIN}")])
        pem = serialization.Encoding.PEM
        private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        file.write_bytes(private + self._signed(name, key.public_key(), ca=False).public_bytes(pem))
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(file)
        return context

    def _signed(self, name: x509.Name, key: ec.EllipticCurvePublicKey, *, ca: bool) -> x509.Certificate:
        now, ours = datetime.now(UTC), self._key.public_key()
        usage = x509.KeyUsage(not ca, False, False, False, False, ca, ca, False, False)
        builder = (
            x509.CertificateBuilder(self._name, name, key, x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca, None), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ours), critical=False)
        )
        if not ca:
            names = x509.SubjectAlternativeName([x509.DNSName(f"*.{DOMAIN}")])
            builder = builder.add_extension(names, critical=False)
        return builder.sign(self._key, hashes.SHA256())


@dataclass
class Proxy:
    """Opens tunnels (CONNECT) to the servers of the domain, and notes to which."""

    ports: Mapping[str, int]
    asked: list[str] = field(default_factory=list)
    url: str = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split()
        host, _, port = request[1].partition(":")
        self.asked.append(host)
        assert (request[0], port) == ("CONNECT", "443"), request
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await _join(reader, writer, self.ports[host])


async def _join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
    there, thence = await asyncio.open_connection("127.0.0.1", port)
    await asyncio.gather(_pour(reader, thence), _pour(there, writer))


async def _pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError, ssl.SSLError):
        while piece := await reader.read(65_536):
            writer.write(piece)
            await writer.drain()
    writer.close()


@asynccontextmanager
async def company_network(authority: Authority, servers: Mapping[str, int]) -> AsyncIterator[Proxy]:
    """`servers`: a host's name → the port on which it answers without TLS."""
    async with AsyncExitStack() as stack:

        async def listening(port: int) -> int:
            async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                await _join(reader, writer, port)

            server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=authority.tls)
            stack.callback(server.close)
            encrypted: int = server.sockets[0].getsockname()[1]
            return encrypted

        proxy = Proxy({host: await listening(port) for host, port in servers.items()})
        server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
        stack.callback(server.close)
        proxy.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield proxy
