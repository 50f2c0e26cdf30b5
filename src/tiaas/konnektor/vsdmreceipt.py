"""Receipts on the eGK: keys per Mandant, writing and reading EF.Pruefungsnachweis (VSDM-A_2589 to 2595, 2745, 2776).

Two Konnektors of one practice read each other's receipts if both are given the same secret; otherwise each Mandant has
a random key in the instance's store.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tiaas.base.entropy import Entropy
from tiaas.base.secret import Secret
from tiaas.fachdienste.vsdm.receipt import (
    KEY_SIZE,
    ForeignReceipt,
    NoReceipt,
    Receipt,
    encode_receipt,
    open_receipt_untrusted,
    seal_receipt,
)
from tiaas.interfaces.management.parameters import SECRET_OCTETS
from tiaas.konnektor.basis.cardfiles import CardFiles
from tiaas.konnektor.basis.refusal import NO_FILE, CardRefusal
from tiaas.konnektor.cardmap import EF_RECEIPT
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.store import InstanceStore, StoreError

RECEIPT_KEY_KIND = "vsdm-pnw-key"
RECEIPT_SECRET_KIND, _SECRET_KEY = "vsdm-receipt-secret", "current"
_INFO = b"tiaas VSDM-PNW-Key 1 "


class ReceiptKeys:
    """VSDM-PNW-Key of each Mandant of one instance. `secret` is the administrator's input, shared with others."""

    def __init__(self, store: InstanceStore, entropy: Entropy, secret: Secret | None = None) -> None:
        self._store = store
        self._entropy = entropy
        self._secret = secret
        self._known: dict[str, Secret] = {}
        self._mutex = asyncio.Lock()

    async def of(self, mandant_id: str) -> Secret:
        """The key of a Mandant, 32 octets; made at first use. Raises `StoreError`."""
        if mandant_id not in self._known:
            # Two calls that come first at the same time must not make two keys.
            async with self._mutex:
                if mandant_id not in self._known:
                    self._known[mandant_id] = await self._find(mandant_id)
        return self._known[mandant_id]

    async def _find(self, mandant_id: str) -> Secret:
        if self._secret is not None:
            kdf = HKDF(SHA256(), KEY_SIZE, salt=None, info=_INFO + mandant_id.encode("utf-8"))
            return Secret(kdf.derive(self._secret.reveal()))
        row = await self._store.get(RECEIPT_KEY_KIND, mandant_id)
        if row is not None:
            return read_receipt_key(row)
        key = Secret(self._entropy.octets(KEY_SIZE))
        await self._store.put(RECEIPT_KEY_KIND, mandant_id, {"key": key.reveal().hex()})
        return key


def read_receipt_key(row: Mapping[str, Any]) -> Secret:
    """The key of a row. Raises `KeyError`, `ValueError`, `TypeError` for a damaged one."""
    return Secret(bytes.fromhex(row["key"]))


async def load_receipt_secret(store: InstanceStore) -> Secret | None:
    """The secret that an administrator has set, None if none has. Raises `StoreError`."""
    row = await store.get(RECEIPT_SECRET_KIND, _SECRET_KEY)
    try:
        return None if row is None else read_receipt_secret(row)
    except (KeyError, ValueError, TypeError):
        raise StoreError("the stored secret of receipts is damaged") from None


async def keep_receipt_secret(store: InstanceStore, secret: Secret | None) -> None:
    """Keeps what an administrator sets, None: nothing any more. Raises `StoreError`."""
    if secret is None:
        await store.delete(RECEIPT_SECRET_KIND, _SECRET_KEY)
    else:
        await store.put(RECEIPT_SECRET_KIND, _SECRET_KEY, {"secret": secret.reveal().hex()})


def read_receipt_secret(row: Mapping[str, Any]) -> Secret:
    """The secret of a row. Raises `KeyError`, `ValueError`, `TypeError` for a damaged one."""
    secret = bytes.fromhex(row["secret"])
    if len(secret) not in SECRET_OCTETS:
        raise ValueError
    return Secret(secret)


class CardReceipts:
    """Receipts of one instance."""

    def __init__(self, keys: ReceiptKeys, entropy: Entropy) -> None:
        self._keys = keys
        self._entropy = entropy

    async def write(self, files: CardFiles, mandant_id: str, receipt: Receipt) -> bytes:
        """Overwrites the receipt on the card (VSDM-A_2655); the gzip block for the client. Raises 112."""
        block = encode_receipt(receipt)
        key, iccsn = await self._keys.of(mandant_id), files.card.data.iccsn or ""
        try:
            await files.write(EF_RECEIPT, seal_receipt(block, key, iccsn, self._entropy))
        except CardRefusal as refusal:
            raise KonnektorError(112, causes=(refusal,)) from refusal
        return block

    async def read(self, files: CardFiles, mandant_id: str) -> bytes:
        """The gzip block of the receipt on the card.

        Raises 3040 if there is none, 3039 if it is another practice's, 111 if the card does not give it.
        """
        try:
            content = await files.read(EF_RECEIPT)
        except CardRefusal as refusal:
            raise KonnektorError(3040 if refusal.code == NO_FILE else 111, causes=(refusal,)) from refusal
        try:
            return open_receipt_untrusted(content, await self._keys.of(mandant_id), files.card.data.iccsn or "")
        except NoReceipt:
            raise KonnektorError(3040) from None
        except ForeignReceipt:
            raise KonnektorError(3039) from None
