"""Since when an algorithm counts as unsafe for qualified signatures (TIP1-A_5682: the report tells it).

Bundesnetzagentur, Bekanntmachung zur elektronischen Signatur (Übersicht über geeignete Algorithmen), last edition BAnz
AT 30.12.2016 B5; RSA below 3000 bits: SOG-IS Agreed Cryptographic Mechanisms V1.3, legacy until the end of 2025. The
catalogue says "until the end of" a year, the report "since" the next one.
"""

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tiaas.pki.certificate import Certificate, PublicKey

_DIGESTS = {"md5": 1999, "sha1": 2011, "ripemd160": 2011, "sha224": 2016}
_PKCS1_V1_5 = 2018
# Smaller keys than these are unsafe since that year; the first row that fits counts.
_RSA_BITS = ((1024, 2001), (1280, 2008), (1536, 2009), (1728, 2010), (1976, 2011), (3000, 2026))
_EC_BITS = ((192, 2006), (224, 2010), (250, 2016))


def unsafe_since(scheme: str, digest: str, key: PublicKey | None) -> int | None:
    """The year, or None as long as nothing is said against the algorithm.

    `scheme` and `digest` are named as in `SignatureAlgorithm`, `key` is the signer's.
    """
    years = [_DIGESTS.get(digest), _PKCS1_V1_5 if scheme == "rsassa_pkcs1v15" else None]
    if isinstance(key, rsa.RSAPublicKey):
        years.append(_first(_RSA_BITS, key.key_size))
    elif isinstance(key, ec.EllipticCurvePublicKey):
        years.append(_first(_EC_BITS, key.key_size))
    return min((year for year in years if year is not None), default=None)


def certificate_unsafe_since(certificate: Certificate, issuer: Certificate) -> int | None:
    """The same for a certificate's own signature, made with the key of `issuer`."""
    algorithm = certificate.signature_algorithm
    return None if algorithm is None else unsafe_since(algorithm.scheme, algorithm.digest, issuer.key())


def _first(rows: tuple[tuple[int, int], ...], bits: int) -> int | None:
    return next((year for below, year in rows if bits < below), None)
