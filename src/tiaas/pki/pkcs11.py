"""Keys in a hardware security module, by PKCS#11 (OASIS PKCS#11 V2.40; the module of the HSM's maker, or SoftHSM2).

Theory of operation. A module is loaded once per process, and python-pkcs11 asks it for no locking of its own: two
threads in it end the process. So each module has one `ModuleThread`, and whatever is done in it is done there, one
thing after the other. A `Token` is one session on that thread; it keeps the handles of its objects, since finding one
costs as much as a signature. A session that got lost (HSM restarted) is opened again by the next use. The last `Token`
that closes unloads the module; so does one that cannot be opened because the module has a fault, and the others open
their sessions again.

A login holds for all sessions of the process with a token (PKCS#11 V2.40, 2.6.6), and the module looks at no PIN as
long as it lasts. So each `Token` shows that its PIN is that of the one that is logged in, and when one logs out, or
loses its session, the sessions of all with that label end: the next to come logs in with its own PIN.

Objects are found by their labels: private keys, certificates, and data objects (CV certificates).
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import field
from functools import cache
from pathlib import Path
from time import monotonic
from typing import Any, TypeVar

from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from tiaas.base.dataclass import dataclass
from tiaas.base.errors import TiaasError
from tiaas.base.secret import Secret
from tiaas.pki.keys import Digest, SigningScheme
from tiaas.pki.modulethread import ModuleThread, NoAnswer, Stuck
from tiaas.pki.oaep import BadOaep, decode_oaep_untrusted
from tiaas.pki.prehashed import DIGEST_INFO

_log = logging.getLogger("tiaas.pki.pkcs11")

T = TypeVar("T")

_COORDINATE = 32
ANSWER_SECONDS = 20.0
"""How long a module may take for one thing, unless its user says otherwise; as long again it may wait for its turn."""
RENEWED_SECONDS = 60.0
"""Between two times that a module with a fault is initialised anew."""


class TokenError(TiaasError):
    """The module, the token or an object in it does not do what it shall; `reason` says what, without secrets."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class WrongCryptogram(TokenError):
    """The token does not decipher these octets."""


class TokenTimeout(TokenError):
    """The module did not answer in time."""


class ModuleFault(TokenError):
    """The module says that it cannot go on, or knows a token no more that was there.

    CKR_GENERAL_ERROR (PKCS#11 V2.40, "Universal Cryptoki function return values").
    """


class PinRefused(TokenError):
    """The token refused the PIN; this `Token` does not try it again, for each try counts."""


@dataclass(slots=True)
class _Module:
    """A module of this process, the tokens in use, labels of all that ever were, and when it was initialised anew."""

    thread: ModuleThread
    tokens: "list[Token]" = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    renewed: float | None = None


@cache
def _module(path: Path) -> _Module:
    """Of the process, as the module itself is."""
    return _Module(ModuleThread(path.stem))


class Token:
    """A token, found by its label, with the PIN of its user. Everything raises `TokenError`.

    `writable` is for who puts objects into it, `seconds` how long the module may take for one thing (`TokenTimeout`).
    """

    is_outside = True
    """What it signs for documents is verified by who asks for it."""

    def __init__(
        self, module: Path, label: str, pin: Secret, *, writable: bool = False, seconds: float = ANSWER_SECONDS
    ) -> None:
        self._path = module.resolve()
        self._module = _module(self._path)
        self._label = label
        self._pin = pin
        self._writable = writable
        self._seconds = seconds
        self._session: Any = None
        self._keys: dict[str, Any] = {}
        self._knows_oaep = True
        self._is_logged_in = False
        self._is_refused = False

    def __repr__(self) -> str:
        return f"Token({self._label})"

    @property
    def is_stuck(self) -> bool:
        """Whether the module hangs: everything raises `TokenError` at once until it answers."""
        return self._module.thread.is_stuck

    async def open(self) -> None:
        """Loads the module and logs in; if it is open, with a new session.

        A module with a fault is initialised anew, at most once in `RENEWED_SECONDS`. Raises `PinRefused`, `TokenError`.
        """
        await self._run(self._open)

    async def close(self) -> None:
        """Ends the session, of a module that hangs as soon as it answers; the module goes with the last one."""
        if self.is_stuck:
            self._module.thread.later(self._close)
        else:
            await self._run(self._close)

    async def certificate(self, label: str) -> bytes | None:
        """A certificate (DER), None if there is none of that label."""
        return await self._run(self._read, "CERTIFICATE", label)

    async def data(self, label: str) -> bytes | None:
        """The value of a data object, None if there is none of that label."""
        return await self._run(self._read, "DATA", label)

    async def sign(self, label: str, digest: bytes, scheme: SigningScheme, hash_function: Digest) -> bytes:
        """A signature over a hash value, ECDSA in DER."""
        raw: bytes = await self._run(self._in_session, self._sign, label, digest, scheme, hash_function)
        if scheme is not SigningScheme.ECDSA:
            return raw
        half = len(raw) // 2
        return encode_dss_signature(int.from_bytes(raw[:half], "big"), int.from_bytes(raw[half:], "big"))

    async def agree(self, label: str, point: bytes) -> bytes:
        """ECDH with a point (uncompressed): the x-coordinate, 32 octets."""
        return await self._run(self._in_session, self._agree, label, point)

    async def decipher(self, label: str, cryptogram: bytes) -> bytes:
        """RSAES-OAEP with SHA-256. Raises `WrongCryptogram`."""
        return await self._run(self._in_session, self._decipher, label, cryptogram)

    async def work(self, task: Callable[[Any], T]) -> T:
        """The result of `task`, done on the module's thread with the session: for who fills a token."""
        return await self._run(self._in_session, task)

    # ---- on the module's thread --------------------------------------------------------------------------------------

    async def _run(self, work: Callable[..., T], *arguments: Any) -> T:
        try:
            return await self._module.thread.run(self._seconds, work, *arguments)
        except NoAnswer:
            raise TokenTimeout(f"token {self._label}: no answer") from None
        except Stuck:
            raise TokenError(f"token {self._label}: the module hangs") from None

    def _open(self) -> None:
        if self in self._module.tokens:
            self._drop()
        else:
            self._module.tokens.append(self)
        try:
            self._in_session(lambda session: None)
        except ModuleFault:
            # SoftHSM2 takes no token back that was away once, before it is initialised anew.
            if not self._is_to_be_renewed():
                raise
            for token in self._module.tokens:
                token._end_session()
            self._finalize()
            self._in_session(lambda session: None)

    def _is_to_be_renewed(self) -> bool:
        """Not often: all who use the module open their sessions again, and while it finalises Python stands still."""
        now, before = monotonic(), self._module.renewed
        if before is not None and now - before < RENEWED_SECONDS:
            return False
        self._module.renewed = now
        return True

    def _close(self) -> None:
        self._drop()
        if self not in self._module.tokens:
            return
        self._module.tokens.remove(self)
        if not self._module.tokens:
            self._finalize()

    def _finalize(self) -> None:
        import pkcs11

        with suppress(pkcs11.PKCS11Error):
            pkcs11.lib(str(self._path)).finalize()

    def _in_session(self, work: Callable[..., T], *arguments: Any) -> T:
        import pkcs11

        lost = (
            pkcs11.SessionHandleInvalid,
            pkcs11.SessionClosed,
            pkcs11.DeviceRemoved,
            pkcs11.TokenNotPresent,
            pkcs11.UserNotLoggedIn,
            pkcs11.KeyHandleInvalid,
            pkcs11.ObjectHandleInvalid,
        )
        if self not in self._module.tokens:
            raise TokenError("the token is closed")
        try:
            try:
                return work(self._session or self._login(), *arguments)
            except lost:
                _log.info("session with a token opened again", extra={"token": self._label})
                # What became of this one's session or login became of all.
                for token in self._namesakes():
                    token._end_session()
                return work(self._login(), *arguments)
        except (pkcs11.PKCS11Error, RuntimeError) as error:
            self._drop()
            is_gone = isinstance(error, pkcs11.NoSuchToken) and self._label in self._module.seen
            kind = ModuleFault if is_gone or isinstance(error, pkcs11.GeneralError) else TokenError
            raise kind(f"token {self._label}: {type(error).__name__}") from None

    def _login(self) -> Any:
        import pkcs11

        wrong = (pkcs11.PinIncorrect, pkcs11.PinInvalid, pkcs11.PinLenRange, pkcs11.PinExpired, pkcs11.PinLocked)
        if self._is_refused:
            raise PinRefused(f"token {self._label}: its PIN was refused")
        token = pkcs11.lib(str(self._path)).get_token(token_label=self._label)
        others = [other for other in self._namesakes() if other._session is not None]
        if not others:
            try:
                self._session = token.open(rw=self._writable, user_pin=self._pin.reveal().decode())
                self._is_logged_in = True
            except wrong:
                self._is_refused = True
                raise PinRefused(f"token {self._label}: its PIN was refused") from None
        elif others[0]._pin == self._pin:
            self._session = token.open(rw=self._writable)
        else:
            raise TokenError(f"token {self._label}: another PIN is logged in")
        self._module.seen.add(self._label)
        return self._session

    def _namesakes(self) -> "list[Token]":
        """All in this process with the same token, this one too."""
        return [token for token in self._module.tokens if token._label == self._label]

    def _drop(self) -> None:
        """Ends the session; with that of the one that logged in the sessions of all, since it logs them out."""
        for token in self._namesakes() if self._is_logged_in else [self]:
            token._end_session()

    def _end_session(self) -> None:
        import pkcs11

        session, self._session, self._is_logged_in = self._session, None, False
        self._keys.clear()
        if session is not None:
            with suppress(pkcs11.PKCS11Error):
                session.close()

    def _read(self, kind: str, label: str) -> bytes | None:
        from pkcs11 import Attribute, ObjectClass

        def find(session: Any) -> bytes | None:
            wanted = {Attribute.CLASS: ObjectClass[kind], Attribute.LABEL: label}
            return next((bytes(found[Attribute.VALUE]) for found in list(session.get_objects(wanted))), None)

        return self._in_session(find)

    def _key(self, session: Any, label: str) -> Any:
        from pkcs11 import ObjectClass

        key = self._keys.get(label)
        if key is None:
            key = self._keys[label] = session.get_key(object_class=ObjectClass.PRIVATE_KEY, label=label)
        return key

    def _sign(self, session: Any, label: str, digest: bytes, scheme: SigningScheme, hash_function: Digest) -> bytes:
        from pkcs11 import MGF, Mechanism

        key = self._key(session, label)
        if scheme is SigningScheme.ECDSA:
            return bytes(key.sign(digest, mechanism=Mechanism.ECDSA))
        if scheme is SigningScheme.RSASSA_PKCS1_V1_5:
            return bytes(key.sign(DIGEST_INFO[hash_function] + digest, mechanism=Mechanism.RSA_PKCS))
        name = hash_function.name
        parameter = Mechanism[name], MGF[name], hash_function.size
        return bytes(key.sign(digest, mechanism=Mechanism.RSA_PKCS_PSS, mechanism_param=parameter))

    def _agree(self, session: Any, label: str, point: bytes) -> bytes:
        from pkcs11 import KDF, Attribute, KeyType, Mechanism

        secret = self._key(session, label).derive_key(
            KeyType.GENERIC_SECRET,
            8 * _COORDINATE,
            mechanism=Mechanism.ECDH1_DERIVE,
            mechanism_param=(KDF.NULL, None, point),
            template={Attribute.SENSITIVE: False, Attribute.EXTRACTABLE: True},
        )
        try:
            return bytes(secret[Attribute.VALUE])
        finally:
            secret.destroy()

    def _decipher(self, session: Any, label: str, cryptogram: bytes) -> bytes:
        import pkcs11
        from pkcs11 import MGF, Attribute, Mechanism

        key = self._key(session, label)
        modulus = bytes(key[Attribute.MODULUS])
        # SoftHSM2 tells of such octets as it tells of a defect of its own.
        if len(cryptogram) != len(modulus) or cryptogram >= modulus:
            raise WrongCryptogram("no cryptogram for this key")
        refused = (pkcs11.EncryptedDataInvalid, pkcs11.EncryptedDataLenRange, pkcs11.DataInvalid, pkcs11.DataLenRange)
        try:
            if self._knows_oaep:
                parameter = Mechanism.SHA256, MGF.SHA256, None
                try:
                    return bytes(key.decrypt(cryptogram, mechanism=Mechanism.RSA_PKCS_OAEP, mechanism_param=parameter))
                except (pkcs11.MechanismParamInvalid, pkcs11.MechanismInvalid, pkcs11.ArgumentsBad):
                    # SoftHSM2 knows OAEP with SHA-1 only.
                    self._knows_oaep = False
            encoded = bytes(key.decrypt(cryptogram, mechanism=Mechanism.RSA_X_509))
            return decode_oaep_untrusted(encoded.rjust(len(cryptogram), b"\0"))
        except (*refused, BadOaep):
            raise WrongCryptogram("no cryptogram for this key") from None
