"""Kuopio: an SFTP server with key login, its root at one folder, read-only except for receipts."""

import asyncio
import hmac
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import asyncssh
from asyncssh.constants import ACE4_READ_ATTRIBUTES, ACE4_READ_DATA, FXF_ACCESS_DISPOSITION, FXF_OPEN_EXISTING, FXF_READ

from demo.servers import LOGIN

RECEIPTS = "kuittaukset"


_Done = Awaitable[None] | None


@dataclass(frozen=True)
class Keys:
    """Files of one server: the client's private key, the host's private key, the client's list of known hosts."""

    client_key: Path
    host_key: Path
    known_hosts: Path


def ensure_keys(directory: Path) -> Keys:
    """Create what is missing of an Ed25519 client key and host key in `directory` (private keys mode 600)."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    keys = Keys(directory / "client_key", directory / "host_key", directory / "known_hosts")
    for path in (keys.client_key, keys.host_key):
        if not path.exists():
            private = asyncssh.generate_private_key("ssh-ed25519", comment=LOGIN)
            # O_EXCL with the mode: the key is never readable for others, not even for a moment.
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(private.export_private_key())
    return keys


def write_known_hosts(keys: Keys, host: str, port: int) -> None:
    """Write the line by which a client recognises the server at `host`:`port`."""
    name = host if port == 22 else f"[{host}]:{port}"
    public = asyncssh.read_private_key(keys.host_key).export_public_key().decode().strip()
    keys.known_hosts.write_text(f"{name} {public}\n")


def serve(root: Path, keys: Keys, host: str, port: int, ready: Callable[[int], None]) -> None:
    """Serve `root` until the process ends. `port` 0 takes a free one; `ready` is called with the port in use."""
    asyncio.run(_serve(root, keys, host, port, ready))


async def _serve(root: Path, keys: Keys, host: str, port: int, ready: Callable[[int], None]) -> None:
    (root / RECEIPTS).mkdir(parents=True, exist_ok=True)
    client_key = asyncssh.read_private_key(keys.client_key).export_public_key()
    server = await asyncssh.listen(
        host,
        port,
        server_factory=lambda: _KeyLogin(client_key),
        server_host_keys=[str(keys.host_key)],
        sftp_factory=lambda channel: _ReceiptsOnlyWritable(channel, os.fsencode(root)),
        # The machine's own SSH configuration and Kerberos have no say here.
        config=None,
        gss_host=None,
        password_auth=False,
        kbdint_auth=False,
        host_based_auth=False,
        agent_forwarding=False,
        x11_forwarding=False,
        allow_scp=False,
    )
    ready(server.get_port())
    await server.wait_closed()


class _KeyLogin(asyncssh.SSHServer):
    """Lets in one login with one key. Forwarding and sessions other than SFTP are refused by asyncssh's defaults."""

    def __init__(self, client_key: bytes) -> None:
        self._client_key = asyncssh.import_public_key(client_key).public_data

    def begin_auth(self, username: str) -> bool:
        return True

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return username == LOGIN and hmac.compare_digest(key.public_data, self._client_key)


class _ReceiptsOnlyWritable(asyncssh.SFTPServer):
    """SFTP with a folder as its root, where only what is below `/kuittaukset` can be written."""

    def __init__(self, channel: "asyncssh.SSHServerChannel[bytes]", root: bytes) -> None:
        super().__init__(channel, chroot=root)
        self._root = os.path.realpath(root)
        self._receipts = os.path.join(self._root, os.fsencode(RECEIPTS))

    def map_path(self, path: bytes) -> bytes:
        # The base class keeps `..` inside the root, but follows a link that leads out of it.
        local: bytes = super().map_path(path)
        real = os.path.realpath(local)
        if real != self._root and not real.startswith(self._root + b"/"):
            raise asyncssh.SFTPNoSuchFile("No such file")
        return local

    def _require_writable(self, path: bytes) -> None:
        if not os.path.realpath(self.map_path(path)).startswith(self._receipts + b"/"):
            raise asyncssh.SFTPPermissionDenied(f"Only files below /{RECEIPTS} can be written")

    def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> object:
        if pflags & ~FXF_READ:
            self._require_writable(path)
        return super().open(path, pflags, attrs)

    def open56(self, path: bytes, desired_access: int, flags: int, attrs: asyncssh.SFTPAttrs) -> object:
        reads = not desired_access & ~(ACE4_READ_DATA | ACE4_READ_ATTRIBUTES)
        if not reads or flags & FXF_ACCESS_DISPOSITION != FXF_OPEN_EXISTING:
            self._require_writable(path)
        return super().open56(path, desired_access, flags, attrs)

    def setstat(self, path: bytes, attrs: asyncssh.SFTPAttrs) -> _Done:
        self._require_writable(path)
        return super().setstat(path, attrs)

    def lsetstat(self, path: bytes, attrs: asyncssh.SFTPAttrs) -> _Done:
        self._require_writable(path)
        return super().lsetstat(path, attrs)

    def fsetstat(self, file_obj: object, attrs: asyncssh.SFTPAttrs) -> _Done:
        # A file opened for reading has a descriptor by which its mode and times could be changed.
        if not file_obj.writable():  # type: ignore[attr-defined]
            raise asyncssh.SFTPPermissionDenied("The file is open for reading only")
        return super().fsetstat(file_obj, attrs)

    def remove(self, path: bytes) -> _Done:
        self._require_writable(path)
        return super().remove(path)

    def mkdir(self, path: bytes, attrs: asyncssh.SFTPAttrs) -> _Done:
        # A client that makes a path step by step expects "exists" for the steps that are there.
        if os.path.exists(self.map_path(path)):
            raise asyncssh.SFTPFailure("File exists")
        self._require_writable(path)
        return super().mkdir(path, attrs)

    def rmdir(self, path: bytes) -> _Done:
        self._require_writable(path)
        return super().rmdir(path)

    def rename(self, oldpath: bytes, newpath: bytes) -> _Done:
        self._require_writable(oldpath)
        self._require_writable(newpath)
        return super().rename(oldpath, newpath)

    def posix_rename(self, oldpath: bytes, newpath: bytes) -> _Done:
        self._require_writable(oldpath)
        self._require_writable(newpath)
        return super().posix_rename(oldpath, newpath)

    def symlink(self, oldpath: bytes, newpath: bytes) -> _Done:
        raise asyncssh.SFTPPermissionDenied("Links cannot be made")

    def link(self, oldpath: bytes, newpath: bytes) -> _Done:
        raise asyncssh.SFTPPermissionDenied("Links cannot be made")
