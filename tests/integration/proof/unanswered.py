"""A VerifyPin that nobody types anything for. It takes the specified 30 seconds, so it is started early."""

import threading

from tests.integration.lab.labprocess import LabProcess
from tests.integration.proof.caller import Caller, Reply
from tests.integration.proof.hand import Hand


class Unanswered:
    """Runs in a thread, at the first of the lab's practices."""

    def __init__(self, lab: LabProcess) -> None:
        self.lab = lab
        self.instance = lab.ready["instances"][0]
        self.hand = Hand(self.instance)
        self._reply: Reply | None = None
        self.hand.policy("timeout")
        with Caller(self.instance) as caller:
            self.hba = caller.handle("HBA")
        self._thread = threading.Thread(target=self._call)
        self._thread.start()
        while not self.hand.display()["prompt"]:
            assert self._thread.is_alive(), "the PIN entry did not begin"

    def _call(self) -> None:
        with Caller(self.instance, seconds=60) as caller:
            self._reply = caller.verify_pin(self.hba, "PIN.CH")

    @property
    def is_over(self) -> bool:
        """Whether it was answered."""
        return not self._thread.is_alive()

    def reply(self) -> Reply:
        """Waits for the end."""
        self._thread.join(60)
        assert self._reply is not None
        return self._reply

    def give_up(self) -> None:
        """Ends it, if it still waits."""
        self.hand.press("cancel")
        self._thread.join(10)
