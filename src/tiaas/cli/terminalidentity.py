"""The folder of a terminal that runs by itself: its gSMC-KT, the files TLS needs, its pairings.

    smkt.json      the gSMC-KT as `tiaas card export` writes it, made by a lab
    smkt.pem, .key C.SMKT.AUT and its key, as files, because `ssl` cannot use a card's key
    ca.pem         the CAs whose Konnektors may connect
    state.json     MAC address, pairing blocks, names

All files are private. A folder that exists is used as it is, so pairings outlive the process.
"""

import json
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_der_private_key

from tiaas.base.dataclass import dataclass
from tiaas.base.entropy import Entropy
from tiaas.base.errors import InvalidInput
from tiaas.card.virtual.image import BadImage, CardImage
from tiaas.lab.ready import write_private
from tiaas.lab.smktidentity import CERTIFICATE, KEY
from tiaas.terminal.pairing import fingerprint
from tiaas.terminal.virtual.config import TerminalConfig
from tiaas.terminal.virtual.shapes import TerminalShape, shape_named
from tiaas.terminal.virtual.state import TerminalState

_LOCALLY_ADMINISTERED = b"\x02"
READER_SHAPE = shape_named("pocket")
"""The reader is slot 1, the gSMC-KT in slot 2."""


@dataclass(slots=True)
class TerminalFolder:
    """See module."""

    path: Path

    @property
    def exists(self) -> bool:
        """True if a terminal lives here already."""
        return (self.path / "state.json").exists()

    def create(self, card: dict[str, Any], ca_bundle: str, entropy: Entropy) -> None:
        """A new terminal around an exported gSMC-KT. Raises `InvalidInput` if it is none, `OSError`."""
        image = _image(card)
        if CERTIFICATE not in image.files or KEY not in image.keys:
            raise InvalidInput("this card is no gSMC-KT with an identity")
        certificate = x509.load_der_x509_certificate(image.files[CERTIFICATE])
        key = load_der_private_key(image.keys[KEY], None)
        self.path.mkdir(parents=True, exist_ok=True)
        self._write("smkt.json", json.dumps(card))
        self._write("smkt.pem", certificate.public_bytes(Encoding.PEM).decode())
        self._write("smkt.key", key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode())
        self._write("ca.pem", ca_bundle)
        mac = _LOCALLY_ADMINISTERED + entropy.octets(5)
        self._write("state.json", json.dumps({"mac": mac.hex(), "state": TerminalState().to_document()}))

    @property
    def fingerprint(self) -> str:
        """SHA-256 of C.SMKT.AUT as an administrator compares it at the pairing."""
        certificate = x509.load_pem_x509_certificate((self.path / "smkt.pem").read_bytes())
        return fingerprint(certificate.public_bytes(Encoding.DER))

    def smkt(self) -> CardImage:
        """The gSMC-KT. Raises `InvalidInput`, `OSError`."""
        return _image(json.loads((self.path / "smkt.json").read_text(encoding="utf-8")))

    def config(
        self,
        name: str,
        shape: TerminalShape = READER_SHAPE,
        model: str = "TIAASPC",
        announce_to: tuple[tuple[str, int], ...] = (),
    ) -> TerminalConfig:
        """The terminal's configuration, without more words that of one made of a reader."""
        return TerminalConfig(
            name=name,
            mac=bytes.fromhex(self._document()["mac"]),
            certificate_file=self.path / "smkt.pem",
            key_file=self.path / "smkt.key",
            client_ca_file=self.path / "ca.pem",
            shape=shape,
            model=model,
            announce_to=announce_to,
        )

    def state(self) -> TerminalState:
        """Pairings and names as they were last. Raises `InvalidInput`, `OSError`."""
        return TerminalState.from_document(self._document()["state"])

    def keep(self, state: TerminalState) -> None:
        """Stores pairings and names."""
        self._write("state.json", json.dumps({**self._document(), "state": state.to_document()}))

    def _document(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.path / "state.json").read_text(encoding="utf-8"))
        return found

    def _write(self, name: str, text: str) -> None:
        write_private(self.path / name, text.encode("utf-8"))


def _image(card: dict[str, Any]) -> CardImage:
    try:
        return CardImage.from_document(card.get("image"))
    except BadImage as error:
        raise InvalidInput(f"the card file is damaged: image: {error}") from None
