"""Keys in files of a folder, for a lab: TEST-ONLY keys only belong there.

`LABEL.key` is a private key (PKCS#8, DER, not encrypted), `LABEL.cer` a certificate (DER), `LABEL.bin` other octets.
Private keys are read and used in other processes (`tiaas.pki.keyprocesses`), and kept there until the folder is closed.
"""

import os
from collections.abc import Awaitable
from pathlib import Path

from tiaas.base.heavy import beside
from tiaas.pki.keyprocesses import KeyProcesses
from tiaas.pki.keys import Digest, SigningScheme
from tiaas.pki.pkcs11 import TokenError


class SoftwareKeys:
    """`KeyStore` in a folder."""

    is_outside = False
    is_stuck = False

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._names: dict[str, bytes] = {}
        self._processes: KeyProcesses | None = None

    async def open(self) -> None:
        """See `KeyStore`."""
        if not await beside(0, self._folder.is_dir):
            raise TokenError("the folder with keys is not there")
        if self._processes is None:
            processes = KeyProcesses.of_this_loop()
            processes.hold()
            self._processes = processes

    async def close(self) -> None:
        """See `KeyStore`."""
        processes, self._processes = self._processes, None
        if processes is not None:
            processes.let_go(os.fsencode(self._folder))

    async def certificate(self, label: str) -> bytes | None:
        """See `KeyStore`."""
        return await beside(0, self._read, f"{label}.cer")

    async def data(self, label: str) -> bytes | None:
        """See `KeyStore`."""
        return await beside(0, self._read, f"{label}.bin")

    def sign(self, label: str, digest: bytes, scheme: SigningScheme, hash_function: Digest) -> Awaitable[bytes]:
        """See `KeyStore`."""
        processes = self._processes or self._use()
        return processes.sign(self._names.get(label) or self._file(label), digest, scheme, hash_function)

    def agree(self, label: str, point: bytes) -> Awaitable[bytes]:
        """See `KeyStore`."""
        return self._use().agree(self._file(label), point)

    def decipher(self, label: str, cryptogram: bytes) -> Awaitable[bytes]:
        """See `KeyStore`."""
        return self._use().decipher(self._file(label), cryptogram)

    def _use(self) -> KeyProcesses:
        if self._processes is None:
            raise TokenError("the folder with keys is not open")
        return self._processes

    def _file(self, label: str) -> bytes:
        name = self._names[label] = os.fsencode(self._folder / f"{label}.key")
        return name

    def _read(self, name: str) -> bytes | None:
        try:
            return (self._folder / name).read_bytes()
        except FileNotFoundError:
            return None
        except (OSError, ValueError):
            raise TokenError("a file with a key or certificate cannot be read") from None
