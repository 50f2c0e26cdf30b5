"""A trusted channel from an insurer's service to an eGK, through whoever carries packages of commands to it.

    package 1   SELECT MF, READ EF.ATR, MSE, GET CHALLENGE   gives buffer sizes and the challenge
    package 2   MUTUAL AUTHENTICATE                          gives session keys
    package 3   everything else under secure messaging, in one go: each counter is known before the card answers

An update is a generator that yields a package and is sent the card's answers (gemSpec_SST_FD_VSDM V1.6.0, chapter 5).
It ends when all is done as expected, and raises `UpdateFailed` if the card did something else.
"""

from collections.abc import Callable, Generator

from tiaas.base.dataclass import dataclass
from tiaas.base.entropy import Entropy
from tiaas.base.errors import TiaasError
from tiaas.card import commands
from tiaas.card.apdu import BadApdu, CommandApdu, ResponseApdu, decode_response_untrusted
from tiaas.card.mutual import ICCSN8_SIZE, AuthenticationKey, BadAuthentication, MutualAuthentication
from tiaas.card.objsys.basefiles import BadBaseFile, BufferSizes, decode_atr_file_untrusted
from tiaas.card.securemessaging import BadSecureMessaging, SessionKeys, protect_command, unprotect_response
from tiaas.card.status import StatusWord, tries_in

ALG_SESSION_SM = 0x54
_SFID_ATR = 0x1D
COMMAND_MAX = 3082
"""Octets of one command in a package (Tab_SST_FD_31)."""


class UpdateFailed(TiaasError):
    """An update cannot be completed; `code` is the CCS error that says so (Tab_SST_FD_41)."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


NOT_AUTHENTIC, DEFECTIVE, PRECONDITION, UNSPECIFIED = 12103, 12105, 12102, 12999


@dataclass(frozen=True, slots=True)
class Command:
    """One APDU and the status word that lets the next one follow."""

    octets: bytes
    expected: int = StatusWord.OK


@dataclass(frozen=True, slots=True)
class Package:
    """Commands in order; `last_if_ok`: nothing follows if the card answers all as expected."""

    commands: tuple[Command, ...]
    last_if_ok: bool = False


Answers = tuple[bytes, ...]
"""The card's answers to a package, as they came: fewer than commands if one was not as expected."""

Steps = Generator[Package, Answers, None]


@dataclass(frozen=True, slots=True)
class Peer:
    """Both ends of a channel: the card, the key to use (`reference` on the card), and the service's own module."""

    iccsn: bytes
    reference: int
    key: AuthenticationKey
    own_iccsn8: bytes


@dataclass(frozen=True, slots=True)
class Secured:
    """A channel that stands: buffer sizes of the card, session keys."""

    sizes: BufferSizes
    keys: SessionKeys


def open_channel(peer: Peer, entropy: Entropy) -> Generator[Package, Answers, Secured]:
    """Packages 1 and 2. Raises `UpdateFailed`: 12103 if card and service do not have the same key."""
    first = (
        commands.select_mf(),
        commands.read_binary(sfid=_SFID_ATR, ne=256),
        commands.mse_symmetric_auth(peer.reference, ALG_SESSION_SM),
        commands.get_challenge(16),
    )
    _, atr, _, challenge = _all_good((yield _plain(*first)), len(first))
    try:
        sizes = decode_atr_file_untrusted(atr.data)
        handshake = MutualAuthentication.begin_untrusted(
            peer.key, challenge.data, peer.iccsn[-ICCSN8_SIZE:], peer.own_iccsn8, entropy
        )
        (answer,) = _all_good((yield _plain(commands.mutual_authenticate(handshake.command_data))), 1)
        return Secured(sizes, handshake.finish_untrusted(answer.data))
    except BadBaseFile as error:
        raise UpdateFailed(DEFECTIVE, str(error)) from None
    except BadAuthentication as error:
        raise UpdateFailed(NOT_AUTHENTIC, str(error)) from None


def run_secured(
    channel: Secured, plain: tuple[tuple[CommandApdu, int], ...], judge: Callable[[int], int | None]
) -> Steps:
    """All commands (with the status words expected) in one protected package, the last one.

    Raises `UpdateFailed`; `judge` gives the code for a status word that was not expected, None if nothing is to do.
    """
    items, counters = [], []
    keys = channel.keys
    for command, expected in plain:
        items.append(Command(protect_command(keys, command).encode(), expected))
        counters.append(keys.counter)
        keys.counter += 1  # the card's answer
    answers = read_answers((yield Package(tuple(items), last_if_ok=True)), len(items))
    for answer, item, counter in zip(answers, items, counters, strict=False):
        is_genuine = _is_genuine(SessionKeys(keys.enc, keys.mac, counter), answer)
        if answer.sw != item.expected and tries_in(answer.sw) is None:
            code = judge(answer.sw)
            if code is None and is_genuine:
                return
            raise UpdateFailed(code or NOT_AUTHENTIC, f"the card answered {answer.sw:04X}")
        if not is_genuine:
            raise UpdateFailed(NOT_AUTHENTIC, "the answer is not the card's")
    _check_count(answers, len(items))


def read_answers(octets: Answers, most: int) -> tuple[ResponseApdu, ...]:
    """The card's answers. Raises `UpdateFailed` if there are none, more than `most`, or one is no response."""
    if not 0 < len(octets) <= most:
        raise UpdateFailed(UNSPECIFIED, f"{len(octets)} answers to {most} commands")
    try:
        return tuple(decode_response_untrusted(answer) for answer in octets)
    except BadApdu as error:
        raise UpdateFailed(UNSPECIFIED, str(error)) from None


def _all_good(octets: Answers, count: int) -> tuple[ResponseApdu, ...]:
    """The card's answers to all of `count` commands, each 9000: until the keys stand anything else is 12103."""
    answers = read_answers(octets, count)
    for answer in answers:
        if not answer.ok:
            raise UpdateFailed(NOT_AUTHENTIC, f"the card answered {answer.sw:04X}")
    _check_count(answers, count)
    return answers


def _check_count(answers: tuple[ResponseApdu, ...], count: int) -> None:
    if len(answers) != count:
        raise UpdateFailed(UNSPECIFIED, "answers of the card are missing")


def payload_limit(sizes: BufferSizes) -> int:
    """Octets of data that one protected command can carry to a card with these buffers."""
    limit = min(sizes.command_sm, COMMAND_MAX)
    # Head, extended Lc and Le, tag, length and padding indicator of DO 87, DO 8E; then whole blocks with padding.
    return max((limit - 4 - 3 - 2 - 5 - 10) // 16 * 16 - 1, 1)


def _is_genuine(keys: SessionKeys, answer: ResponseApdu) -> bool:
    try:
        unprotect_response(keys, answer)
    except BadSecureMessaging:
        return False
    return True


def _plain(*commands: CommandApdu) -> Package:
    return Package(tuple(Command(command.encode()) for command in commands))
