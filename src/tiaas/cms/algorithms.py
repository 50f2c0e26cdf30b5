"""AlgorithmIdentifiers that tiaas writes (DER), always with SHA-256 (gemSpec_Krypt Tab_KRYPT_002)."""

from tiaas.cms import oids
from tiaas.cms.der import NULL, algorithm, integer, sequence
from tiaas.tlv import encode

DIGEST_SHA256 = algorithm(oids.SHA256)
"""For digestAlgorithm and the like: without parameters (RFC 5754, 2)."""

# Inside the parameters of RSASSA-PSS the hash function has NULL as parameters (RFC 4055, 2.1).
_SHA256_NULL = algorithm(oids.SHA256, NULL)
_SALT_LENGTH = 32

ECDSA_SHA256 = algorithm(oids.ECDSA_SHA256)
RSA_SHA256 = algorithm(oids.RSA_SHA256, NULL)
RSASSA_PSS_SHA256 = algorithm(
    oids.RSASSA_PSS,
    sequence(
        encode(0xA0, _SHA256_NULL),
        encode(0xA1, algorithm(oids.MGF1, _SHA256_NULL)),
        encode(0xA2, integer(_SALT_LENGTH)),
    ),
)
"""MGF1 with SHA-256, salt of 32 octets, trailer field 1 (RFC 4055, 3.1)."""
