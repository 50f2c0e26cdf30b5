"""Processes that use keys, as many as there are processors, for all who run in one event loop.

Theory of operation. A signature in a thread takes the interpreter's lock at its start and at its end, and with an event
loop that is busy each of the two is a change of threads that both sides wait for; under load that costs as much as half
a signature. Another process shares no lock. And private keys are not in the memory of the process that reads what
clients send. The processes are begun by the first who holds them and ended by the last who lets go; should this process
die, they end by themselves. Requests go to the one that has least to do, a few at a time, so what is cancelled before
its turn is not done. Instances (`tiaas.base.heavy.OWNER`) take turns, so nobody waits for all that another one has
asked for; within an instance private and public keys do, so neither a document with hundreds of signatures nor a
practice that signs without end holds up the other kind. A process that ends of itself, or answers nothing for seconds,
is replaced at the next use; if none can be begun the others go on.
"""

import asyncio
import logging
import socket
import subprocess
import sys
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable, Iterator
from threading import Thread
from weakref import WeakKeyDictionary

from tiaas.base.heavy import OWNER
from tiaas.base.workthread import processors
from tiaas.pki.keys import Digest, SigningScheme
from tiaas.pki.keyworker import MESSAGE_OCTETS_MAX, NAME_AT, USE_OF, Outcome, Use, write_request
from tiaas.pki.pkcs11 import TokenError, WrongCryptogram

_log = logging.getLogger("tiaas.pki.keyprocesses")

_AT_A_TIME = 4
_ANSWER_SECONDS = 10.0
"""A use takes a millisecond; a process that needs as long is stopped, or its machine is."""
_FRUITLESS, _AGAIN_SECONDS = 4, 5.0
"""When so many ended one after the other without having answered anything, no other is begun for so long."""
_END_SECONDS = 1.0
_DOES_NOT_START = "the process for private keys does not start"
_REASONS = {
    Outcome.NO_KEY: "there is no such key",
    Outcome.UNREADABLE: "a private key cannot be read",
    Outcome.WRONG_KIND: "the key does not do this",
    Outcome.DEFECT: "the use of a private key failed",
}
_ENDED = "the process with the private keys ended"


class KeyProcesses:
    """Those of an event loop (`of_this_loop`). `hold` them before use; `let_go` ends it."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._processes: list[_Process] = []
        self._wanted = processors()
        self._waiting = _Waiting()
        self._holders = 0
        self._fruitless = 0
        self._not_before = 0.0

    @classmethod
    def of_this_loop(cls) -> "KeyProcesses":
        """Those of the event loop that runs."""
        loop = asyncio.get_running_loop()
        found = _ALL.get(loop)
        if found is None:
            found = _ALL[loop] = cls()
        return found

    @property
    def are_held(self) -> bool:
        """Whether somebody holds them: then they have been begun."""
        return self._holders > 0

    def hold(self) -> None:
        """Begins them, if nobody holds them yet. Raises `TokenError`."""
        self._begin()
        self._holders += 1

    def let_go(self, folder: bytes | None = None) -> None:
        """Ends them, if nobody else holds them; else they forget the keys of a folder (its name)."""
        self._holders -= 1
        if not self._holders:
            processes, self._processes = self._processes, []
            for process in processes:
                process.end()
            self._fail_waiting()
            if _ALL.get(self._loop) is self:
                del _ALL[self._loop]
        elif folder is not None:
            # A request that came to its turn later would have the key loaded again.
            for request in self._waiting.private():
                if request.is_of(folder):
                    request.fail()
            for process in self._processes:
                process.send(_Request(write_request(Use.FORGET, folder), None))

    def sign(self, file: bytes, digest: bytes, scheme: SigningScheme, hash_function: Digest) -> "asyncio.Future[bytes]":
        """The signature of the key in a file (its name) over a hash value, ECDSA in DER. Raises `TokenError`."""
        return self._use(write_request(USE_OF[scheme], file, digest, hash_function))

    def agree(self, file: bytes, point: bytes) -> "asyncio.Future[bytes]":
        """ECDH with a point (uncompressed): the x-coordinate. Raises `TokenError`, `WrongCryptogram`."""
        return self._use(write_request(Use.AGREE, file, point))

    def decipher(self, file: bytes, cryptogram: bytes) -> "asyncio.Future[bytes]":
        """RSAES-OAEP with SHA-256. Raises `TokenError`, `WrongCryptogram`."""
        return self._use(write_request(Use.DECIPHER, file, cryptogram))

    def verify(self, public_key: bytes, digest: bytes, value: bytes, hash_function: Digest) -> "asyncio.Future[bytes]":
        """`FITS` if an ECDSA signature (DER) over a hash value is that of a public key (SubjectPublicKeyInfo), else
        nothing. Raises `TokenError`, also for a key that is none."""
        return self._use(write_request(Use.VERIFY, public_key, digest + value, hash_function))

    def _begin(self) -> None:
        """As many as there shall be, new ones in the place of those that ended of themselves; fewer if they do not
        start. Raises `TokenError` if there is none."""
        self._processes = [process for process in self._processes if not process.has_ended]
        try:
            while len(self._processes) < self._wanted:
                if self._loop.time() < self._not_before:
                    raise TokenError(_DOES_NOT_START)
                self._processes.append(_Process(self._loop, self._waiting, self._on_end))
        except TokenError:
            self._not_before = max(self._not_before, self._loop.time() + _AGAIN_SECONDS)
            if not self._processes:
                raise

    def _use(self, octets: bytes) -> "asyncio.Future[bytes]":
        if not self._holders:
            raise TokenError("the keys are not open")
        if len(octets) > MESSAGE_OCTETS_MAX:
            raise TokenError("too much for a private key")
        if len(self._processes) < self._wanted and self._loop.time() >= self._not_before:
            self._begin()
        least = self._processes[0] if self._processes else None
        for process in self._processes:
            if least is None or len(process.asked) < len(least.asked):
                least = process
        if least is None:
            raise TokenError(_DOES_NOT_START)
        answer: asyncio.Future[bytes] = self._loop.create_future()
        request = _Request(octets, answer)
        if len(least.asked) < _AT_A_TIME:
            least.send(request)
        else:
            self._waiting.add(OWNER.get(), request, is_public=octets[0] == Use.VERIFY)
        return answer

    def _on_end(self, ended: "_Process") -> None:
        """One has ended. Nobody is left waiting for it: those who waited for a turn would, were it the last."""
        if ended not in self._processes:
            return
        _log.warning("a process that uses keys ended, or did not answer; another takes its place")
        self._processes = [process for process in self._processes if process is not ended]
        self._fruitless = 0 if ended.has_answered else self._fruitless + 1
        if self._fruitless >= _FRUITLESS:
            self._fruitless, self._not_before = 0, self._loop.time() + _AGAIN_SECONDS
        if not self._processes:
            self._fail_waiting()

    def _fail_waiting(self) -> None:
        while (request := self._waiting.next()) is not None:
            request.fail()


_ALL: "WeakKeyDictionary[asyncio.AbstractEventLoop, KeyProcesses]" = WeakKeyDictionary()


class _Request:
    """`answer` None: nobody waits for one."""

    __slots__ = ("answer", "octets")

    def __init__(self, octets: bytes, answer: "asyncio.Future[bytes] | None") -> None:
        self.octets = octets
        self.answer = answer

    def is_of(self, folder: bytes) -> bool:
        """Whether it is about a key in that folder."""
        return self.octets.startswith(folder + b"/", NAME_AT)

    def is_over(self) -> bool:
        """Whether nobody waits for it any more."""
        return self.answer is None or self.answer.done()

    def settle(self, answer: bytes) -> None:
        """Gives the answer to whoever waits."""
        future = self.answer
        if future is None or future.done():
            return
        outcome = answer[0]
        if outcome == Outcome.DONE:
            future.set_result(answer[1:])
        elif outcome == Outcome.WRONG_CRYPTOGRAM:
            future.set_exception(WrongCryptogram("no cryptogram for this key"))
        else:
            future.set_exception(TokenError(_REASONS[Outcome(outcome)]))

    def fail(self) -> None:
        """Tells whoever waits that there will be no answer."""
        if self.answer is not None and not self.answer.done():
            self.answer.set_exception(TokenError(_ENDED))


class _Requests:
    """Those of one owner; private and public ones take turns."""

    __slots__ = ("_public_next", "private", "public")

    def __init__(self) -> None:
        self.private: deque[_Request] = deque()
        self.public: deque[_Request] = deque()
        self._public_next = False

    def __bool__(self) -> bool:
        return bool(self.private or self.public)

    def next(self) -> _Request | None:
        """Whose turn it is, taken out; what nobody waits for any more takes no turn. None without any."""
        while self:
            of_public = not self.private or (self._public_next and bool(self.public))
            request = (self.public if of_public else self.private).popleft()
            if not request.is_over():
                self._public_next = not of_public
                return request
        return None


class _Waiting:
    """Those who wait for a turn, by owners, who are in the order of their turns; who has none is not there."""

    def __init__(self) -> None:
        self._owners: OrderedDict[Hashable, _Requests] = OrderedDict()

    def __bool__(self) -> bool:
        return bool(self._owners)

    def add(self, owner: Hashable, request: _Request, *, is_public: bool) -> None:
        """Puts it behind the others of its owner and kind."""
        requests = self._owners.get(owner)
        if requests is None:
            requests = self._owners[owner] = _Requests()
        (requests.public if is_public else requests.private).append(request)

    def private(self) -> Iterator[_Request]:
        """All that are about private keys."""
        return (request for requests in self._owners.values() for request in requests.private)

    def next(self) -> _Request | None:
        """Whose turn it is, taken out; None without any."""
        while self._owners:
            owner, requests = self._owners.popitem(last=False)
            request = requests.next()
            if requests:
                self._owners[owner] = requests
            if request is not None:
                return request
        return None


class _Process:
    """One process; it answers in the order in which it was asked. Raises `TokenError` if it does not start."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, waiting: _Waiting, on_end: "Callable[[_Process], None]"
    ) -> None:
        self.has_ended = False
        self.has_answered = False
        self.asked: deque[_Request] = deque()
        self._loop = loop
        self._waiting = waiting
        self._on_end = on_end
        self._since = 0.0
        self._timer: asyncio.TimerHandle | None = None
        try:
            self._line, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with theirs:
                try:
                    self._process = _started(theirs)
                except BaseException:
                    self._line.close()
                    raise
        except OSError:
            raise TokenError(_DOES_NOT_START) from None
        self._line.setblocking(False)
        loop.add_reader(self._line.fileno(), self._on_answer)

    def send(self, request: _Request) -> None:
        """Asks it."""
        if not self.asked:
            self._since = self._loop.time()
            if self._timer is None:
                self._timer = self._loop.call_later(_ANSWER_SECONDS, self._look)
        self.asked.append(request)
        try:
            self._line.send(request.octets)
        except OSError:
            self.end()

    def end(self) -> None:
        """Ends it; whoever still waits for an answer gets `TokenError`."""
        if self.has_ended:
            return
        self.has_ended = True
        if self._timer is not None:
            self._timer.cancel()
        self._loop.remove_reader(self._line.fileno())
        self._line.close()
        # It ends by itself; somebody has to take notice, but nobody need wait for it.
        Thread(target=_take_leave, args=(self._process,), name="tiaas-keys-end", daemon=True).start()
        while self.asked:
            self.asked.popleft().fail()
        self._on_end(self)

    def _look(self) -> None:
        """Whether it still answers."""
        self._timer = None
        if not self.asked:
            return
        left = self._since + _ANSWER_SECONDS - self._loop.time()
        if left > 0:
            self._timer = self._loop.call_later(left, self._look)
        else:
            self.end()

    def _on_answer(self) -> None:
        try:
            answer = self._line.recv(MESSAGE_OCTETS_MAX)
        except BlockingIOError:
            return
        except OSError:
            answer = b""
        if not answer:
            self.end()
            return
        self.has_answered = True
        self._since = self._loop.time()
        self.asked.popleft().settle(answer)
        if self._waiting:
            request = self._waiting.next()
            if request is not None:
                self.send(request)


def _take_leave(process: "subprocess.Popen[bytes]") -> None:
    try:
        process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _started(line: socket.socket) -> "subprocess.Popen[bytes]":
    """The process at the other end of `line`. A person's Ctrl-C is not meant for it."""
    command = (sys.executable, "-P", "-m", "tiaas.pki.keyworker", str(line.fileno()))
    return subprocess.Popen(  # noqa: S603 - our own command line
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=(line.fileno(),),
        start_new_session=True,
    )
