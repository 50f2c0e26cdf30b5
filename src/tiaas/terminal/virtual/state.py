"""What survives switching a terminal off: pairing blocks, names of functional units, idle message.

A pairing block is a shared secret with up to three public keys of Konnektors (gemSpec_KT V3.17.0, 2.5.2 and 3.7.2).
"""

from dataclasses import dataclass, field
from hmac import compare_digest

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
        }

    @classmethod
    def from_document(cls, document: dict[str, object]) -> "TerminalState":
        """The inverse; raises `InvalidInput`."""
        try:
            blocks, names = document["blocks"], document["names"]
            if not isinstance(blocks, list) or not isinstance(names, dict):
                raise InvalidInput("terminal state: wrong types")
            return cls(
                [
                    PairingBlock(Secret(bytes.fromhex(block["secret"])), [bytes.fromhex(key) for key in block["keys"]])
                    for block in blocks
                ],
                {int(unit, 16): str(name) for unit, name in names.items()},
                str(document["idle_text"]),
            )
        except (KeyError, TypeError, ValueError) as bad:
            raise InvalidInput(f"terminal state: {type(bad).__name__}") from bad
