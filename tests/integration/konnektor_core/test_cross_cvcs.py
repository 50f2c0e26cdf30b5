"""Cards below other CVC roots: 20 cross certificates at once (gemSpec_Kon V5.18 A_21158)."""

from datetime import date

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from tests.integration.konnektor_core.practice import CALL, Practice, fixed_trust
from tiaas.card import commands
from tiaas.card.objsys.addresses import ALG_ROLE
from tiaas.konnektor.cvcimport import CvcChain, Side, import_chain, list_keys, select_key
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.trust import TrustSpace
from tiaas.pki.cvc import Cvc, CvcBody, issue_cvc
from tiaas.pki.profession import CA_FLAGS_EGK, ROOT_FLAGS, AccessProfile

NUMBER = 20
TODAY, SINCE, UNTIL = date(2026, 3, 2), date(2026, 1, 1), date(2032, 1, 1)


class ForeignRoot:
    """A root of which the practice's cards know nothing, its cross certificate, and a card below it."""

    def __init__(self, number: int, practice: Practice) -> None:
        home = practice.pki.cvc.root
        root, authority, card = [ec.generate_private_key(ec.BrainpoolP256R1()) for _ in range(3)]
        name = b"DEX" + f"{number:02}".encode() + b"\x81\x02\x26"
        below = b"DEX" + f"{number:02}".encode() + b"\x11\x02\x26"
        iccsn = b"\x00\x0a" + f"card{number:06}".encode()
        self.name = name
        self.cross = issue_cvc(
            CvcBody(home.certificate.chr, name, root.public_key(), ROOT_FLAGS, SINCE, UNTIL), home.key
        )
        ca = issue_cvc(CvcBody(name, below, authority.public_key(), CA_FLAGS_EGK, SINCE, UNTIL), root)
        flags = bytes.fromhex(AccessProfile.CHAT_0.value)
        self.chain = CvcChain(issue_cvc(CvcBody(below, iccsn, card.public_key(), flags, SINCE, UNTIL), authority), ca)


def space(practice: Practice, crosses: list[Cvc]) -> TrustSpace:
    files = [practice.pki.cvc_root.encoded, *(cross.encoded for cross in crosses)]
    return TrustSpace.read(practice.pki.ca_certificates, files)


@pytest.mark.requirement("A_21158")
async def test_20_cross_certificates_are_held_and_each_is_used() -> None:
    practice = Practice()
    practice.handshakes.close()
    roots = [ForeignRoot(number, practice) for number in range(NUMBER)]
    held = space(practice, [root.cross for root in roots])
    assert len(held.cross_cvcs) == NUMBER
    trust = fixed_trust(held, practice.clock, practice.entropy)
    egk = await practice.egk()
    async with egk.session(CALL).use() as channel:
        known = await list_keys(channel, Side.TARGET)
        for root in roots:
            # The Konnektor trusts the card below that root, and the eGK takes its key: cross certificate, CA, card.
            held.check_egk_cvc(root.chain.end_entity, root.chain.ca, TODAY)
            after = await import_chain(channel, Side.TARGET, known, root.chain, trust.cross_to)
            assert after - known == {root.name, root.chain.ca.chr, root.chain.end_entity.chr}
            await select_key(channel, Side.TARGET, commands.mse_public_auth(root.chain.end_entity.chr, ALG_ROLE))


@pytest.mark.requirement("A_21158")
async def test_without_its_cross_certificate_a_root_stays_unknown() -> None:
    practice = Practice()
    practice.handshakes.close()
    roots = [ForeignRoot(number, practice) for number in range(2)]
    held = space(practice, [roots[0].cross])
    with pytest.raises(KonnektorError) as caught:
        held.check_egk_cvc(roots[1].chain.end_entity, roots[1].chain.ca, TODAY)
    assert caught.value.code == 4228
