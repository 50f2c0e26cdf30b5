"""A virtual card fed with sequences of command APDUs: it answers every one, and no counter rises without success.

Input: octet 0 chooses the card, then commands, each with two octets length (little-endian) in front.
"""

from functools import cache

from tests.cardbench import PIN, Desk, authority, block, make_image
from tiaas.card import commands
from tiaas.card.objsys import egk
from tiaas.card.objsys.model import CardKind
from tiaas.card.virtual.image import CardImage

_KINDS = list(CardKind)
_MAX_COMMANDS = 40


def _sequence(kind: CardKind, *octets: bytes) -> bytes:
    return bytes([_KINDS.index(kind)]) + b"".join(len(raw).to_bytes(2, "little") + raw for raw in octets)


SEEDS = [
    _sequence(
        CardKind.EGK,
        commands.select_mf(fcp=True).encode(),
        commands.verify(1, block(PIN)).encode(),
        commands.select_aid(egk.AID_HCA).encode(),
        commands.read_binary(sfid=egk.SFID_PD).encode(),
        commands.append_record(egk.SFID_LOGGING, bytes(46)).encode(),
        commands.reset_retry_counter(1, block("12345678"), block(PIN)).encode(),
    ),
    _sequence(
        CardKind.EGK,
        commands.mse_verify_certificate(authority().cvc.car).encode(),
        commands.pso_verify_certificate(authority().cvc.value).encode(),
        commands.list_public_keys().encode(),
        commands.get_challenge(16).encode(),
        commands.external_authenticate(bytes(64)).encode(),
    ),
    _sequence(
        CardKind.SMC_B,
        commands.verify(1, block(PIN)).encode(),
        commands.select_aid(bytes.fromhex("A000000167455349474E")).encode(),
        commands.mse_private_sign(0x86, 0x00).encode(),
        commands.pso_compute_signature(bytes(32)).encode(),
        commands.mse_private_decipher(0x85, 0x0B).encode(),
        commands.pso_decipher(bytes.fromhex("A6810A06000000")).encode(),
    ),
    _sequence(
        CardKind.HBA,
        commands.mse_private_auth(0x09, 0x54).encode(),
        commands.general_authenticate(0xC3, bytes(12), last=False).encode(),
        commands.mse_symmetric_auth(0x14, 0x54).encode(),
        commands.get_challenge(16).encode(),
        commands.mutual_authenticate(bytes(120)).encode(),
        bytes.fromhex("0CA4040C0A8E080000000000000000"),
    ),
    _sequence(CardKind.SMC_KT, commands.manage_channel_open().encode(), commands.card_reset().encode()),
]


@cache
def _document(kind: CardKind) -> dict[str, object]:
    return make_image(kind).to_document()


def _counters(image: CardImage) -> list[int]:
    states = image.passwords.values()
    return [state.retry_counter for state in states] + [state.puk_uses for state in states]


def target(data: bytes) -> None:
    """Any exception is a finding, and so is a counter that rose although the command failed."""
    if not data:
        return
    card = Desk(CardImage.from_document(_document(_KINDS[data[0] % len(_KINDS)])))
    rest = data[1:]
    for _ in range(_MAX_COMMANDS):
        if len(rest) < 2:
            break
        size = int.from_bytes(rest[:2], "little")
        raw, rest = rest[2 : 2 + size], rest[2 + size :]
        before = _counters(card.image)
        response = card.card.process(raw)
        if len(response) < 2:
            raise AssertionError("no status word")
        if response[-2:] != b"\x90\x00" and any(
            new > old for old, new in zip(before, _counters(card.image), strict=True)
        ):
            raise AssertionError("a counter rose without success")
    if CardImage.from_document(card.image.to_document()) != card.image:
        raise AssertionError("image does not survive storage")
