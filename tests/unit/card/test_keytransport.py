"""A content key sealed for a certificate's key comes out at the card (PSO DECIPHER), and of nobody else's key."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from tiaas.base.entropy import SystemEntropy
from tiaas.card.elc import elc_decrypt
from tiaas.card.keytransport import KeyWay, UnsuitableKey, seal_key, way_of

KEY = bytes(range(32))


def test_ecc() -> None:
    private = ec.generate_private_key(ec.BrainpoolP256R1())
    sealed = seal_key(KEY, private.public_key(), SystemEntropy())
    assert way_of(private.public_key()) is KeyWay.ECC
    assert elc_decrypt(sealed, private) == KEY
    # gemSpec_Krypt A_17220: a key of 32 octets makes a structure A6 of 145 octets.
    assert len(sealed) == 145
    assert sealed.startswith(bytes.fromhex("A6818E06092B24030302080101077F4943864104"))


def test_rsa() -> None:
    private = rsa.generate_private_key(65537, 2048)
    sealed = seal_key(KEY, private.public_key(), SystemEntropy())
    assert way_of(private.public_key()) is KeyWay.RSA
    assert private.decrypt(sealed, padding.OAEP(padding.MGF1(SHA256()), SHA256(), None)) == KEY


@pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.BrainpoolP384R1()])
def test_other_curves_are_refused(curve: ec.EllipticCurve) -> None:
    with pytest.raises(UnsuitableKey):
        seal_key(KEY, ec.generate_private_key(curve).public_key(), SystemEntropy())


def test_short_rsa_keys_are_refused() -> None:
    with pytest.raises(UnsuitableKey):
        seal_key(KEY, rsa.generate_private_key(65537, 1024).public_key(), SystemEntropy())
