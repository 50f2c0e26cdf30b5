"""Passwords of administrators: what is accepted as one.

The rules of the protection profile are not in gemSpec_Kon; these follow BSI IT-Grundschutz ORP.4: twelve characters of
three kinds, not the user's name, none of the last five.
"""

from collections.abc import Sequence

from tiaas.base.errors import InvalidInput
from tiaas.base.secret import Secret
from tiaas.interfaces.management.accounts import PASSWORD_MAX, PASSWORD_MIN
from tiaas.pki.passwordhash import PasswordHash, is_right

KINDS_MIN = 3
HISTORY = 5


class WeakPassword(InvalidInput):
    """A password that is not accepted; says why and never what it was."""


async def check_new(user: str, password: Secret, last: Sequence[PasswordHash]) -> None:
    """Raises `WeakPassword` for one that breaks a rule."""
    text = password.reveal().decode()
    if not PASSWORD_MIN <= len(text) <= PASSWORD_MAX:
        raise WeakPassword(f"a password has {PASSWORD_MIN} to {PASSWORD_MAX} characters")
    kinds = (str.islower, str.isupper, str.isdigit, lambda char: not char.isalnum())
    if sum(any(kind(char) for char in text) for kind in kinds) < KINDS_MIN:
        raise WeakPassword(f"a password has {KINDS_MIN} of: small letters, capital letters, digits, other characters")
    if user.lower() in text.lower():
        raise WeakPassword("a password does not contain the user's name")
    for kept in last:
        if await is_right(password, kept):
            raise WeakPassword(f"a password is none of the last {HISTORY}")
