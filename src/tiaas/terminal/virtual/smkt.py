"""What a terminal does with its own gSMC-KT: sign with the TLS identity, draw random octets.

gemSpec_gSMC-KT_ObjSys (DF.KT); gemSpec_Krypt A_17090; gemSpec_KT V3.17.0, SEQ_KT_0001-01 step 7, SEQ_KT_0003 step 1.
It works on a logical channel of its own, so that the Konnektor's channel keeps its folder and security states.
"""

import hashlib
from collections.abc import Callable

from tiaas.base.secret import Secret
from tiaas.card import commands
from tiaas.card.apdu import BadApdu, CommandApdu, ResponseApdu, decode_response_untrusted
from tiaas.card.objsys.addresses import ALG_SIGN_ECDSA, ALG_SIGN_PSS, LOCAL
from tiaas.card.objsys.gsmckt import AID_KT, KEY_SMKT_AUT2_E256, KEY_SMKT_AUT_R2048
from tiaas.terminal.sicct.status import Sw
from tiaas.terminal.virtual.refused import Refused

Carry = Callable[[bytes], bytes]


def sign_secret(secret: Secret, *, rsa: bool) -> Callable[[Carry], bytes]:
    """The work that signs the shared secret: ECDSA r ‖ s, or RSASSA-PSS. Raises `Refused` (6F00) in the slot."""
    key, algorithm = (KEY_SMKT_AUT_R2048, ALG_SIGN_PSS) if rsa else (KEY_SMKT_AUT2_E256, ALG_SIGN_ECDSA)
    digest = hashlib.sha256(secret.reveal()).digest()

    def work(carry: Carry) -> bytes:
        with_channel = _Channel(carry)
        try:
            with_channel.need(commands.select_aid(AID_KT))
            with_channel.need(commands.mse_private_sign(LOCAL | key, algorithm))
            return with_channel.need(commands.pso_compute_signature(digest))
        finally:
            with_channel.close()

    return work


def random_octets(size: int) -> Callable[[Carry], bytes]:
    """The work that draws random octets; raises `Refused` (6F00) in the slot."""

    def work(carry: Carry) -> bytes:
        return _carry(carry, commands.get_random(size)).data

    return work


class _Channel:
    """A logical channel of the card, or the basic one if the card opens no other."""

    def __init__(self, carry: Carry) -> None:
        self._carry = carry
        opened = _ask(carry, commands.manage_channel_open())
        self._number = opened.data[0] if opened.ok and opened.data else 0

    def need(self, command: CommandApdu) -> bytes:
        """The answer's data; raises `Refused` (6F00) unless it is 9000."""
        return _carry(self._carry, commands.with_channel(command, self._number)).data

    def close(self) -> None:
        """Closes the channel that was opened."""
        if self._number:
            _ask(self._carry, commands.with_channel(commands.manage_channel_close(), self._number))


def _carry(carry: Carry, command: CommandApdu) -> ResponseApdu:
    answer = _ask(carry, command)
    if not answer.ok:
        raise Refused(Sw.COMMUNICATION)
    return answer


def _ask(carry: Carry, command: CommandApdu) -> ResponseApdu:
    try:
        return decode_response_untrusted(carry(command.encode()))
    except BadApdu as bad:
        raise Refused(Sw.COMMUNICATION) from bad
