"""TUC_KON_072, 073, 075, 076: what is encrypted comes out again, only with the key and data it was made with."""

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tiaas.base.entropy import SeededEntropy
from tiaas.base.secret import Secret
from tiaas.konnektor.basis.symmetric import decrypt_document, decrypt_octets, encrypt_document, encrypt_octets
from tiaas.konnektor.errors import KonnektorError

KEY, OTHER = Secret(bytes(range(32))), Secret(bytes(32))
TEXT, ASSOCIATED = b"Medikationsplan " * 50, b"KVNR"


@pytest.fixture
def entropy() -> SeededEntropy:
    return SeededEntropy(b"symmetric")


def code(error: pytest.ExceptionInfo[KonnektorError]) -> int:
    return error.value.code


@pytest.mark.requirement("TIP1-A_4618", "TIP1-A_4619")
def test_documents(entropy: SeededEntropy) -> None:
    made = encrypt_document(TEXT, entropy)
    assert TEXT[:16] not in made.octets
    assert decrypt_document(made.octets, made.key) == TEXT
    given = encrypt_document(TEXT, entropy, KEY)
    assert given.key == KEY
    assert decrypt_document(given.octets, KEY) == TEXT
    assert encrypt_document(TEXT, entropy, KEY).octets != given.octets, "a nonce of its own each time"
    assert made.key != encrypt_document(TEXT, entropy).key


@pytest.mark.requirement("A_18001", "A_18002")
def test_octets(entropy: SeededEntropy) -> None:
    made = encrypt_octets(TEXT, entropy, associated=ASSOCIATED)
    assert decrypt_octets(made.octets, made.key, ASSOCIATED) == TEXT
    plain = encrypt_octets(b"", entropy, KEY)
    assert len(plain.octets) == 28
    assert decrypt_octets(plain.octets, KEY) == b""
    nonce, rest = made.octets[:12], made.octets[12:]
    assert AESGCM(made.key.reveal()).decrypt(nonce, rest, ASSOCIATED) == TEXT
    assert "Medikationsplan" not in repr(made)


@pytest.mark.code(4108)
@pytest.mark.parametrize("size", [0, 16, 31, 33])
def test_a_key_of_another_length_is_4108(entropy: SeededEntropy, size: int) -> None:
    with pytest.raises(KonnektorError) as caught:
        encrypt_document(TEXT, entropy, Secret(bytes(size)))
    assert code(caught) == 4108
    with pytest.raises(KonnektorError) as caught:
        encrypt_octets(TEXT, entropy, Secret(bytes(size)))
    assert code(caught) == 4108


@pytest.mark.code(4109)
def test_a_document_that_does_not_come_out_is_4109(entropy: SeededEntropy) -> None:
    octets = encrypt_document(TEXT, entropy, KEY).octets
    changed = octets[:-1] + bytes([octets[-1] ^ 1])
    for encrypted, key in ((octets, OTHER), (octets, Secret(bytes(16))), (changed, KEY), (TEXT, KEY), (b"", KEY)):
        with pytest.raises(KonnektorError) as caught:
            decrypt_document(encrypted, key)
        assert code(caught) == 4109


@pytest.mark.code(4109)
def test_octets_that_do_not_come_out_are_4109(entropy: SeededEntropy) -> None:
    octets = encrypt_octets(TEXT, entropy, KEY, ASSOCIATED).octets
    changed = octets[:-1] + bytes([octets[-1] ^ 1])
    for encrypted, key, associated in (
        (octets, OTHER, ASSOCIATED),
        (octets, Secret(bytes(16)), ASSOCIATED),
        (octets, KEY, b""),
        (octets, KEY, b"other"),
        (changed, KEY, ASSOCIATED),
        (octets[:27], KEY, ASSOCIATED),
    ):
        with pytest.raises(KonnektorError) as caught:
            decrypt_octets(encrypted, key, associated)
        assert code(caught) == 4109
