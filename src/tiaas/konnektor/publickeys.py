"""Uses the public keys of signers: one at a time in a thread, many at once in processes.

An ECDSA signature takes half a millisecond to verify, on a brainpool curve. A thread does that as well as a process
while nothing else goes on; under load it competes for the interpreter's lock (`tiaas.pki.keyprocesses`). So processes
are begun when a second verification comes while one is under way, and stay until the instance stops. Where others have
begun them they are used at once.
"""

import asyncio
from collections.abc import Iterable

from tiaas.ades.found import Claim, Integrity
from tiaas.base.shortwork import in_turn
from tiaas.pki.ecdsause import EcdsaUse
from tiaas.pki.keyprocesses import KeyProcesses
from tiaas.pki.keyworker import FITS
from tiaas.pki.pkcs11 import TokenError

Begun = Integrity | asyncio.Future[Integrity] | asyncio.Future[bytes]
"""What a verification came to, or what it will come to: the integrity, or what a process says."""


class PublicKeys:
    """Of one instance; `stop` it in the end."""

    def __init__(self) -> None:
        self._last: asyncio.Future[Integrity] | None = None
        self._processes: KeyProcesses | None = None
        self._is_stopped = False

    def stop(self) -> None:
        """Ends the use of processes."""
        self._is_stopped = True
        processes, self._processes = self._processes, None
        if processes is not None:
            processes.let_go()

    def begin(self, claim: Claim) -> Begun:
        """Begins to verify the value of a signature; `end` gives the integrity."""
        if claim.check is None:
            return claim.found.integrity
        if claim.ecdsa is not None:
            asked = self.ask(claim.ecdsa, begins=self._last is not None and not self._last.done())
            if asked is not None:
                return asked
        self._last = in_turn(claim.check)
        return self._last

    async def end(self, claim: Claim, begun: Begun) -> Integrity:
        """The integrity of a signature whose verification was begun."""
        if isinstance(begun, Integrity):
            return begun
        try:
            answer = await begun
        except TokenError:
            answer = b""  # The process has ended: the signature is verified without one.
        if isinstance(answer, Integrity):
            return answer
        if answer == FITS:
            return claim.found.integrity
        # What does not fit may do so in another form; how it is wrong its own check says.
        return claim.found.integrity if claim.check is None else await in_turn(claim.check)

    def ask(self, use: EcdsaUse, *, begins: bool = False) -> "asyncio.Future[bytes] | None":
        """What a process says of a signature, for `is_yes`; None if there is no process. `begins`: it is worth some."""
        try:
            if self._processes is None and not self._is_stopped:
                processes = KeyProcesses.of_this_loop()
                if begins or processes.are_held:
                    processes.hold()
                    self._processes = processes
            if self._processes is None:
                return None
            return self._processes.verify(use.public_key, use.hashed(), use.value, use.digest)
        except TokenError:
            return None


def give_up(begun: Iterable[Begun]) -> None:
    """Nobody waits for these any more: what has not come to its turn is not done."""
    for one in begun:
        if not isinstance(one, Integrity):
            one.cancel()


def is_yes(asked: "asyncio.Future[bytes]") -> bool:
    """Whether a process said that the signature fits: not if it did not answer."""
    return not asked.cancelled() and asked.exception() is None and asked.result() == FITS
