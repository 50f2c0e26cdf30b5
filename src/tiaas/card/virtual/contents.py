"""The persistent side of a card at work: objects filled lazily, loaded keys kept, changes noted.

Everything that changes the image goes through here, so that the owner hears of it before the response leaves.
"""

from datetime import date
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_der_private_key

from tiaas.base.entropy import Entropy
from tiaas.base.secret import Secret
from tiaas.card.elc import decode_point, ephemeral_key
from tiaas.card.objsys.model import (
    MultiReferencePassword,
    Password,
    PasswordObject,
    PrivateKey,
    RecordKind,
    TransportStatus,
    parent_of,
)
from tiaas.card.status import StatusWord
from tiaas.card.virtual.image import CardImage, PasswordState, PublicKey
from tiaas.card.virtual.refusal import Refused
from tiaas.card.virtual.source import ObjectSource
from tiaas.card.virtual.tree import Tree, tree_of

LoadedKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

# Imported keys a card keeps (N021.633); the trust anchors come on top.
_IMPORTED_KEYS: Final = 30


class Contents:
    """One card's image, its object system and what was loaded from them."""

    def __init__(self, image: CardImage, entropy: Entropy, source: ObjectSource | None) -> None:
        self.image = image
        self.tree: Tree = tree_of(image.kind, image.profile)
        self.entropy = entropy
        self.changed = False
        self._source = source
        self._asked: set[str] = set()
        self._loaded: dict[str, tuple[bytes, LoadedKey]] = {}
        self._points: dict[bytes, ec.EllipticCurvePublicKey] = {}

    def forget_absent(self) -> None:
        """After a reset the source is asked again for what it did not have."""
        self._asked.clear()

    # Files

    def file(self, path: str) -> bytes:
        """The content of a transparent file up to its logical end."""
        content = self.image.files.get(path)
        if content is None and self._provide(path):
            content = self.image.files.get(path)
        return content or b""

    def set_file(self, path: str, content: bytes) -> None:
        """Replaces the content of a transparent file."""
        self.image.files[path] = content
        self.changed = True

    def records(self, path: str) -> list[bytes]:
        """The records of a file, number 1 first; change them only through the methods here."""
        return self.image.records.get(path, [])

    def set_record(self, path: str, number: int, record: bytes) -> None:
        """Replaces a record that exists."""
        self.image.records[path][number - 1] = record
        self.changed = True

    def add_record(self, path: str, kind: RecordKind, record: bytes, limit: int) -> None:
        """Appends a record; a cyclic file takes it as number 1 and loses the oldest one (N059.650d)."""
        records = self.image.records.setdefault(path, [])
        if kind is RecordKind.CYCLIC:
            records.insert(0, record)
            del records[limit:]
        else:
            records.append(record)
        self.changed = True

    def delete_record(self, path: str, number: int) -> None:
        """Takes a record away; those behind it get smaller numbers."""
        del self.image.records[path][number - 1]
        inactive = self.image.deactivated_records.get(path, set())
        self.image.deactivated_records[path] = {n - (n > number) for n in inactive if n != number}
        self.changed = True

    def record_active(self, path: str, number: int) -> bool:
        """False if the record was deactivated."""
        return number not in self.image.deactivated_records.get(path, ())

    def set_record_active(self, path: str, number: int, active: bool) -> None:
        """Activates or deactivates a record."""
        inactive = self.image.deactivated_records.setdefault(path, set())
        if (number in inactive) == active:
            (inactive.discard if active else inactive.add)(number)
            self.changed = True

    # Life cycle

    def active(self, path: str) -> bool:
        """The logical life cycle status: an object in a deactivated folder is deactivated too (N020.600)."""
        if not self.image.deactivated:
            return True
        while path:
            if path in self.image.deactivated:
                return False
            path = parent_of(path)
        return True

    def set_active(self, path: str, active: bool) -> None:
        """Activates or deactivates a file or folder."""
        if (path in self.image.deactivated) == active:
            (self.image.deactivated.discard if active else self.image.deactivated.add)(path)
            self.changed = True

    # Passwords

    def password_base(self, item: PasswordObject) -> tuple[Password, PasswordState]:
        """The object and state with secret and counters: a multi-reference password's target."""
        if isinstance(item, MultiReferencePassword):
            target = self.tree.objects[item.target]
            if not isinstance(target, Password):
                raise TypeError(f"{item.target} is no password")
            return target, self._password_state(target)
        return item, self._password_state(item)

    def password_enabled(self, item: PasswordObject) -> bool:
        """The object's own flagEnabled."""
        state = self.image.passwords.get(item.path)
        return item.enabled if state is None else state.enabled

    def set_password_enabled(self, item: PasswordObject, enabled: bool) -> None:
        """Sets the object's own flagEnabled."""
        state = self.image.passwords.get(item.path)
        if state is None:
            state = PasswordState(None, None, 0, 0, TransportStatus.REGULAR, item.enabled)
            self.image.passwords[item.path] = state
        state.enabled = enabled
        self.changed = True

    def set_retries(self, state: PasswordState, count: int) -> None:
        """Sets the retry counter; no change is no write."""
        if state.retry_counter != count:
            state.retry_counter = count
            self.changed = True

    def use_puk(self, state: PasswordState) -> None:
        """Takes one use of the PUK, before anybody knows whether it is right (N081.000b)."""
        state.puk_uses -= 1
        self.changed = True

    def set_secret(self, state: PasswordState, secret: Secret) -> None:
        """A new secret ends the transport state (N074.720, N081.200)."""
        state.secret = secret
        state.transport = TransportStatus.REGULAR
        self.changed = True

    def _password_state(self, item: Password) -> PasswordState:
        state = self.image.passwords.get(item.path)
        if state is None:
            state = PasswordState(None, None, item.start_retries, item.start_puk_uses, item.transport, item.enabled)
            self.image.passwords[item.path] = state
        return state

    # Keys

    def private_key(self, item: PrivateKey) -> LoadedKey:
        """The loaded key; refuses with 6400 if this card has none (N086.810)."""
        der = self.image.keys.get(item.path)
        if der is None and self._provide(item.path):
            der = self.image.keys.get(item.path)
        if der is None:
            raise Refused(StatusWord.KEY_INVALID)
        known = self._loaded.get(item.path)
        if known is not None and known[0] == der:
            return known[1]
        loaded = load_der_private_key(der, None)
        if not isinstance(loaded, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
            raise Refused(StatusWord.KEY_INVALID)
        self._loaded[item.path] = der, loaded
        return loaded

    def elc_key(self, item: PrivateKey) -> ec.EllipticCurvePrivateKey:
        """A key on a curve; refuses with 6400 for any other."""
        key = self.private_key(item)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise Refused(StatusWord.KEY_INVALID)
        return key

    def rsa_key(self, item: PrivateKey) -> rsa.RSAPrivateKey:
        """An RSA key; refuses with 6400 for any other."""
        key = self.private_key(item)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise Refused(StatusWord.KEY_INVALID)
        return key

    def generate(self, item: PrivateKey) -> ec.EllipticCurvePrivateKey:
        """Makes a new key pair on brainpoolP256r1 in place of the old one."""
        key = ephemeral_key(self.entropy)
        self.image.keys[item.path] = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        self.changed = True
        return key

    def symmetric_key(self, path: str, size: int) -> tuple[bytes, bytes]:
        """encKey and macKey of an authentication key; refuses with 6400 if this card has none."""
        value = self.image.keys.get(path)
        if value is None and self._provide(path):
            value = self.image.keys.get(path)
        if value is None or len(value) != 2 * size:
            raise Refused(StatusWord.KEY_INVALID)
        return value[:size], value[size:]

    def connection_key(self, path: str) -> Secret:
        """The card access number; refuses with 6400 if this card has none."""
        value = self.image.keys.get(path)
        if value is None:
            raise Refused(StatusWord.KEY_INVALID)
        return Secret(value)

    def public_key(self, key_id: bytes) -> PublicKey | None:
        """The imported or inborn public key of that name."""
        return self.image.public_keys.get(key_id)

    def loaded_public_key(self, key: PublicKey) -> ec.EllipticCurvePublicKey:
        """The key as an object; kept, because reading a point costs a third of a signature check."""
        loaded = self._points.get(key.point)
        if loaded is None:
            loaded = self._points[key.point] = decode_point(key.point)
        return loaded

    def import_key(self, key: PublicKey, in_use: set[bytes]) -> None:
        """StoreInCache (N021.633, N021.636): a full store gives up expired keys first, then ones not in use."""
        keys = self.image.public_keys
        if keys.get(key.key_id) == key:
            return
        if key.key_id not in keys:
            self._make_room(in_use)
        keys[key.key_id] = key
        self.changed = True

    def _make_room(self, in_use: set[bytes]) -> None:
        keys = self.image.public_keys
        imported = [key for key in keys.values() if not key.is_root]
        if len(imported) < _IMPORTED_KEYS:
            return
        expired = [key for key in imported if key.expires and key.expires < self.image.point_in_time]
        idle = [key for key in imported if key.key_id not in in_use]
        for victim in (expired or idle)[:1]:
            del keys[victim.key_id]

    def set_point_in_time(self, day: date) -> None:
        """Moves the card's idea of the date forward (N095.900b.13)."""
        if day > self.image.point_in_time:
            self.image.point_in_time = day
            self.changed = True

    def _provide(self, path: str) -> bool:
        if self._source is None or path in self._asked:
            return False
        self._asked.add(path)
        if not self._source.provide(self.image, path):
            return False
        self.changed = True
        return True
