"""Octets that must not be seen: PINs, PUKs, shared secrets, private keys, passwords."""

from hmac import compare_digest
from typing import Never


class Secret:
    """Wraps octets so that repr, str, format, pickle and copies into a log show nothing of them.

    `reveal()` is the only way to the value; a reviewer looks for that word.
    """

    __slots__ = ("_value",)

    def __init__(self, value: bytes) -> None:
        self._value = bytes(value)

    def reveal(self) -> bytes:
        """The octets themselves."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(…)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and compare_digest(self._value, other._value)

    def __hash__(self) -> int:
        raise TypeError("a Secret is not hashable")

    def __reduce__(self) -> Never:
        raise TypeError("a Secret is not pickled")
