"""Redises as they are rented, on ports of their own: few connections, users, TLS, roles that are swapped."""

import asyncio
import contextlib
import datetime
import ipaddress
import socket
import ssl
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from redis.asyncio import Redis
from redis.exceptions import RedisError

from bridge.store.embedded import _binary


@dataclass
class Server:
    """A real one; `tell` is for its operator."""

    port: int

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    async def tell(self, *words: str | int, **login: Any) -> Any:
        async with contextlib.aclosing(Redis(port=self.port, decode_responses=True, **login)) as client:
            return await client.execute_command(*words)  # type: ignore[no-untyped-call] # redis-py leaves it so


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@contextlib.contextmanager
def redis_server(
    folder: Path, *options: str, before: tuple[str, ...] = (), binary: Path | None = None
) -> Iterator[Server]:
    """The embedded store's binary, or another one, as a server that anybody could rent; `before`: its file."""
    server = Server(free_port())
    folder.mkdir(parents=True, exist_ok=True)
    plain = ("--port", str(server.port), "--dir", str(folder), *(() if before else ("--save", "")))
    command = [str(binary or _binary()), *before, *plain, *options]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=folder)
    try:
        for _ in range(200):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", server.port), 1):
                break
            time.sleep(0.02)
        yield server
    finally:
        process.kill()
        process.wait()


@dataclass
class Address:
    """One address before several servers: new connections go to `port`, those that are open stay where they are.

    `lost`: what is asked with this in it arrives, and no answer comes back.
    """

    port: int
    at: int = 0
    lost: bytes = b""
    tasks: set["asyncio.Task[None]"] = field(default_factory=set)

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return writer.close()
        silent = asyncio.Event()
        for pouring in (self._ask(reader, back, silent), self._answer(there, writer, silent)):
            task = asyncio.create_task(pouring)
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)
        return None

    async def _ask(self, come: asyncio.StreamReader, go: asyncio.StreamWriter, silent: asyncio.Event) -> None:
        with contextlib.suppress(OSError):
            while some := await come.read(65536):
                if self.lost and self.lost in some:
                    silent.set()
                go.write(some)
                await go.drain()
        go.close()

    async def _answer(self, come: asyncio.StreamReader, go: asyncio.StreamWriter, silent: asyncio.Event) -> None:
        with contextlib.suppress(OSError):
            while some := await come.read(65536):
                if not silent.is_set():
                    go.write(some)
                    await go.drain()
        go.close()


@contextlib.asynccontextmanager
async def address(port: int, context: ssl.SSLContext | None = None) -> AsyncIterator[Address]:
    """In front of the server at `port`, with TLS when there is a `context`."""
    shown = Address(port)
    server = await asyncio.start_server(shown.carry, "127.0.0.1", 0, ssl=context)
    shown.at = int(server.sockets[0].getsockname()[1])
    try:
        yield shown
    finally:
        server.close()
        for task in list(shown.tasks):
            task.cancel()
        await asyncio.gather(*shown.tasks, return_exceptions=True)


@contextlib.asynccontextmanager
async def answering(said: bytes, *, hang: bool = False) -> AsyncIterator[int]:
    """A server that greets everybody and says one thing to whatever it is asked; b"" is to hang up."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while asked := await reader.read(65536):
                if b"CLIENT" in asked:
                    writer.write(b"+OK\r\n" * asked.count(b"SETINFO"))
                elif hang:
                    await asyncio.sleep(30)
                elif said:
                    writer.write(said)
                else:
                    server.close()
                    break
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()


def self_signed(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """A server's context, and the file with its certificate."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "rented")])
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1)).add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    file, secret = folder / "certificate.pem", folder / "key.pem"
    file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    secret.write_bytes(key.private_bytes(serialization.Encoding.PEM, *plain))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file, secret)
    return context, file


async def follows(server: Server, primary: Server | None) -> None:
    """Swap its role: a replica of `primary`, or a primary itself."""
    await server.tell("REPLICAOF", *(("127.0.0.1", primary.port) if primary else ("NO", "ONE")))


async def in_step(replica: Server) -> None:
    """Wait until it has what its primary has."""
    for _ in range(200):
        with contextlib.suppress(RedisError, KeyError):
            if (await replica.tell("INFO", "replication"))["master_link_status"] == "up":
                return
        await asyncio.sleep(0.05)
    raise AssertionError("the replica never came")
