"""What survives switching a terminal off: pairing blocks, names of functional units, idle message.

A pairing block is a shared secret with up to three public keys of Konnektors (gemSpec_KT V3.17.0, 2.5.2 and 3.7.2).
"""

from dataclasses import field, fields
from hmac import compare_digest

from tiaas.base.dataclass import dataclass
from tiaas.base.errors import InvalidInput, TiaasError
from tiaas.base.secret import Secret

MAX_BLOCKS = 3
MAX_KEYS = 3
DEFAULT_IDLE_TEXT = "Bereit"


class NoFreeBlock(TiaasError):
    """All pairing blocks are in use, or the secret is stored already."""


@dataclass(slots=True)
class PairingBlock:
    """A shared secret and the public keys (SubjectPublicKeyInfo, DER) that belong to it, oldest first."""

    secret: Secret
    keys: list[bytes] = field(default_factory=list)


@dataclass(slots=True)
class TerminalState:
    """See module. The fields may be set from outside before the terminal starts."""

    blocks: list[PairingBlock] = field(default_factory=list)
    names: dict[int, str] = field(default_factory=dict)
    idle_text: str = DEFAULT_IDLE_TEXT
    firmware: tuple[tuple[int, int, int], str] | None = None
    """Version and group of a firmware that was downloaded; None: those of the delivery."""
    contactless: bool = False
    """Option_CL, switched on by an administrator (gemSpec_KT A_24116: off at delivery)."""

    def block_of(self, key: bytes) -> PairingBlock | None:
        """The block that holds this public key."""
        return next((block for block in self.blocks if key in block.keys), None)

    def may_create(self, secret: Secret) -> bool:
        """True if a block is free and the secret is new."""
        return len(self.blocks) < MAX_BLOCKS and all(block.secret != secret for block in self.blocks)

    def create_block(self, secret: Secret, key: bytes) -> None:
        """SEQ_KT_0001-01 step 6: the key leaves its old block, which stays. Raises `NoFreeBlock`."""
        if not self.may_create(secret):
            raise NoFreeBlock
        self._forget(key)
        self.blocks.append(PairingBlock(secret, [key]))

    def add_key(self, block: PairingBlock, key: bytes) -> bool:
        """SEQ_KT_0004 step 7: the key moves into `block`, over the oldest if it is full. False if it was in it."""
        if key in block.keys:
            return False
        self._forget(key)
        if len(block.keys) >= MAX_KEYS:
            del block.keys[0]
        block.keys.append(key)
        return True

    def blocks_answering(self, digests: list[bytes], response: bytes) -> list[PairingBlock]:
        """The blocks whose digest (same order as `blocks`) equals the response."""
        return [block for block, digest in zip(self.blocks, digests, strict=True) if compare_digest(digest, response)]

    def delete_block(self, number: int) -> None:
        """Deletes a whole block, counted from 1 (TIP1-A_3049). Raises `InvalidInput`."""
        self._require(number)
        del self.blocks[number - 1]

    def delete_key(self, number: int, key: int) -> None:
        """Deletes one public key of a block, both counted from 1; the block stays (TIP1-A_3050). `InvalidInput`."""
        keys = self._require(number).keys
        if not 1 <= key <= len(keys):
            raise InvalidInput(f"block {number} has {len(keys)} keys")
        del keys[key - 1]

    def become(self, other: "TerminalState") -> None:
        """All fields are those of `other` from now on: the change before could not be kept."""
        for each in fields(self):
            setattr(self, each.name, getattr(other, each.name))

    def _require(self, number: int) -> PairingBlock:
        if not 1 <= number <= len(self.blocks):
            raise InvalidInput(f"the terminal has {len(self.blocks)} pairing blocks")
        return self.blocks[number - 1]

    def _forget(self, key: bytes) -> None:
        for block in self.blocks:
            if key in block.keys:
                block.keys.remove(key)

    def to_document(self) -> dict[str, object]:
        """JSON-able; holds the shared secrets, the caller protects it."""
        return {
            "blocks": [
                {"secret": block.secret.reveal().hex(), "keys": [key.hex() for key in block.keys]}
                for block in self.blocks
            ],
            "names": {f"{unit:04X}": name for unit, name in self.names.items()},
            "idle_text": self.idle_text,
            "firmware": None if self.firmware is None else [*self.firmware[0], self.firmware[1]],
            "contactless": self.contactless,
        }

    @classmethod
    def from_document(cls, document: dict[str, object]) -> "TerminalState":
        """The inverse; raises `InvalidInput`."""
        try:
            blocks, names = document["blocks"], document["names"]
            firmware = document.get("firmware")
            if not isinstance(blocks, list) or not isinstance(names, dict):
                raise InvalidInput("terminal state: wrong types")
            return cls(
                [
                    PairingBlock(Secret(bytes.fromhex(block["secret"])), [bytes.fromhex(key) for key in block["keys"]])
                    for block in blocks
                ],
                {int(unit, 16): str(name) for unit, name in names.items()},
                str(document["idle_text"]),
                _read_firmware(firmware) if isinstance(firmware, list) else None,
                bool(document.get("contactless", False)),
            )
        except (KeyError, TypeError, ValueError) as bad:
            raise InvalidInput(f"terminal state: {type(bad).__name__}") from bad


def _read_firmware(stored: list[object]) -> tuple[tuple[int, int, int], str]:
    first, second, third, group = stored
    return (int(str(first)), int(str(second)), int(str(third))), str(group)
