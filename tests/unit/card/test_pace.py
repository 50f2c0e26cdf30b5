"""PACE between our two halves, and what the contactless interface allows with and without its channel."""

from collections.abc import Generator

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from tests.cardbench import GENERATION_2, Desk, block, desk
from tiaas.base.entropy import SeededEntropy
from tiaas.base.secret import Secret
from tiaas.card import brainpool, commands, pace
from tiaas.card.apdu import CommandApdu, ResponseApdu
from tiaas.card.elc import ephemeral_key
from tiaas.card.objsys import egk
from tiaas.card.objsys.access import Access
from tiaas.card.objsys.addresses import SFID_ATR, SFID_CARD_ACCESS, SFID_GDO, SFID_VERSION2
from tiaas.card.objsys.catalogue import object_system
from tiaas.card.objsys.conditions import AllOf, AnyOf, Pwd, SmCmdEnc, SmMacKey, SmRspEnc
from tiaas.card.objsys.model import CardKind, Interface
from tiaas.card.pace import PaceError, PaceFailure
from tiaas.card.securemessaging import SessionKeys, protect_command, unprotect_response

CAN = Secret(b"123123")


def drive(card: Desk, procedure: Generator[CommandApdu, ResponseApdu, SessionKeys]) -> SessionKeys:
    """Carries a procedure's commands to the card."""
    try:
        command = next(procedure)
        while True:
            command = procedure.send(card.send(command))
    except StopIteration as end:
        keys: SessionKeys = end.value
        return keys


class Channel:
    """A card in a field behind its PACE channel."""

    def __init__(self, card: Desk, can: Secret = CAN) -> None:
        self.card = card
        self.keys = drive(card, pace.establish(can, SeededEntropy(b"terminal")))

    def send(self, command: CommandApdu, encipher: bool = True) -> ResponseApdu:
        return unprotect_response(self.keys, self.card.send(protect_command(self.keys, command, encipher)))

    def ok(self, command: CommandApdu) -> bytes:
        response = self.send(command)
        assert response.sw == 0x9000, f"{response.sw:04X}"
        return response.data


def in_field(kind: CardKind = CardKind.EGK) -> Desk:
    card = desk(kind)
    card.card.reset(Interface.CONTACTLESS)
    return card


@pytest.mark.parametrize("kind", GENERATION_2)
def test_both_halves_agree(kind: CardKind) -> None:
    channel = Channel(in_field(kind))
    assert channel.ok(commands.read_binary(sfid=SFID_GDO))[2:] == channel.card.image.iccsn


def test_it_works_at_contacts_too() -> None:
    channel = Channel(desk())
    assert channel.ok(commands.read_binary(sfid=SFID_GDO))[2:] == channel.card.image.iccsn


def test_a_wrong_number_costs_nothing_but_the_channel() -> None:
    card = in_field()
    before = card.changes
    with pytest.raises(PaceError) as caught:
        Channel(card, Secret(b"123124"))
    assert (caught.value.failure, caught.value.sw) == (PaceFailure.WRONG_NUMBER, 0x6300)
    assert card.changes == before
    Channel(card)


@pytest.mark.parametrize("sfid", [SFID_ATR, SFID_CARD_ACCESS, SFID_VERSION2])
def test_files_open_to_the_field(sfid: int) -> None:
    assert in_field().sw(commands.read_binary(sfid=sfid)) == 0x9000


@pytest.mark.parametrize(
    "command",
    [
        commands.read_binary(sfid=SFID_GDO),
        commands.read_binary(sfid=0x06),
        commands.get_random(8),
        commands.get_pin_status(egk.PIN_CH),
        commands.verify(egk.PIN_CH, block("123456")),
        commands.fingerprint(bytes(128)),
    ],
    ids=["GDO", "CVC", "GET RANDOM", "GET PIN STATUS", "VERIFY", "FINGERPRINT"],
)
def test_everything_else_needs_the_channel(command: CommandApdu) -> None:
    assert in_field().sw(command) == 0x6982
    assert desk().sw(command) != 0x6982


def test_what_is_written_must_come_enciphered() -> None:
    channel = Channel(in_field())
    verify = commands.verify(egk.PIN_CH, block("123456"))
    assert channel.send(verify, encipher=False).sw == 0x6982
    assert channel.send(commands.get_pin_status(egk.PIN_CH)).sw == 0x63C3
    assert channel.send(verify).sw == 0x9000


def test_what_is_read_goes_out_enciphered() -> None:
    channel = Channel(in_field())
    raw = channel.card.send(protect_command(channel.keys, commands.read_binary(sfid=SFID_GDO)))
    assert raw.data[:1] == b"\x87"
    assert channel.card.image.iccsn not in raw.data
    unprotect_response(channel.keys, raw)


def test_an_unprotected_command_ends_the_channel() -> None:
    channel = Channel(in_field())
    assert channel.card.sw(commands.read_binary(sfid=SFID_GDO)) == 0x6982
    assert channel.card.sw(protect_command(channel.keys, commands.read_binary(sfid=SFID_GDO))) == 0x6988


def test_steps_out_of_order_are_refused() -> None:
    card = in_field()
    point = commands.general_authenticate(0x81, b"\x04" + bytes(64), last=False)
    assert card.sw(commands.pace_begin()) == 0x6A80  # no key selected: the beginning of another procedure, without C3
    card.ok(commands.mse_pace(pace.OID_PACE, 0x02))
    assert card.sw(point) == 0x6985
    card.ok(commands.pace_begin())
    assert card.sw(point) == 0x6A80  # no point of the curve
    assert card.sw(commands.general_authenticate(0x85, bytes(8), last=True)) == 0x6985
    card.ok(commands.pace_begin())
    card.ok(commands.get_challenge(8))
    own = commands.general_authenticate(0x81, _point(b"x"), last=False)
    assert card.sw(own) == 0x6985


def test_a_card_that_does_not_know_the_number_is_found_out() -> None:
    """It answers the checksum with something: it cannot have the keys."""
    card = in_field()

    def forger() -> Generator[CommandApdu, ResponseApdu, SessionKeys]:
        procedure = pace.negotiate(CAN, SeededEntropy(b"terminal"))
        command = next(procedure)
        while True:
            response = yield command
            if command.cla == 0x00 and command.ins == 0x86:
                response = ResponseApdu(bytes.fromhex("7C0A8608") + bytes(8), 0x9000)
            command = procedure.send(response)

    with pytest.raises(PaceError) as caught:
        drive(card, forger())
    assert caught.value.failure is PaceFailure.FORGED


def test_a_card_of_an_older_generation_has_no_such_channel() -> None:
    card = in_field()
    card.image.files["MF/EF.Version2"] = card.image.files["MF/EF.Version2"].replace(b"\x04\x05\x02", b"\x03\x00\x00")
    with pytest.raises(PaceError) as caught:
        Channel(card)
    assert caught.value.failure is PaceFailure.UNSUPPORTED


def _point(seed: bytes) -> bytes:
    numbers = ephemeral_key(SeededEntropy(seed)).public_key().public_numbers()
    return b"\x04" + numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")


def test_arithmetic_agrees_with_openssl() -> None:
    generator = brainpool.coordinates(ephemeral_key_of(1).public_key())
    for factor in (1, 2, 3, brainpool.ORDER - 1, 0x1234567890ABCDEF << 190):
        expected = brainpool.coordinates(ephemeral_key_of(factor % brainpool.ORDER).public_key())
        assert brainpool.multiply(factor, generator) == expected
    minus = brainpool.multiply(brainpool.ORDER - 1, generator)
    with pytest.raises(brainpool.NoPoint):
        brainpool.add(generator, minus)
    with pytest.raises(brainpool.NoPoint):
        brainpool.multiply(brainpool.ORDER, generator)


def ephemeral_key_of(factor: int) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(factor, ec.BrainpoolP256R1())


def test_rules_of_the_field() -> None:
    """Samples of every class of the transformation (gaps_closed §3.7)."""
    can = SmMacKey(0x02)

    def rule(path: str, access: Access) -> object:
        return object_system(CardKind.EGK).objects[path].rules.sets(Interface.CONTACTLESS, True)[1].get(access)

    hca = "MF/DF.HCA"
    vsd = object_system(CardKind.EGK).objects[f"{hca}/EF.PD"].rules.active[1][Access.ERASE_BINARY]
    assert isinstance(vsd, AnyOf)
    assert rule(f"{hca}/EF.PD", Access.READ_BINARY) == AllOf((AnyOf((can, *vsd.parts)), SmRspEnc()))
    assert rule(f"{hca}/EF.PD", Access.UPDATE_BINARY) == AllOf((vsd, SmCmdEnc()))
    gvd = rule(f"{hca}/EF.GVD", Access.READ_BINARY)
    assert isinstance(gvd, AnyOf)
    assert gvd.parts[-1] == AllOf((vsd, SmRspEnc()))
    log = rule(f"{hca}/EF.Logging", Access.APPEND_RECORD)
    assert isinstance(log, AllOf)
    assert log.parts[:2] == (can, SmCmdEnc())
    assert rule("MF/PIN.AMTS_REP", Access.CHANGE_WITHOUT_OLD) == AllOf((can, SmCmdEnc(), Pwd(0x01)))
    assert rule("MF/PIN.CH", Access.GET_PIN_STATUS) == can
    assert rule("MF", Access.FINGERPRINT) is None
    ose = rule(f"{hca}/DF.OSE/EF.StatusOSE", Access.READ_BINARY)
    assert "Pwd(ref=9)" not in repr(ose)
    assert "Pwd(ref=9)" in repr(rule(f"{hca}/DF.OSE/EF.OSE", Access.READ_BINARY))
