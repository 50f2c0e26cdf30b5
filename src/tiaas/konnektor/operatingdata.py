"""Operating data of an instance (gemSpec_Kon V5.18 A_21137, A_21225, A_21140; OperatingData.xsd 1.1.2).

Of these requirements only form, content and privacy are a Highspeed-Konnektor's: it does not send the data itself
(gemProdT_Kon_Highspeed). Every element that the instance has a value for is filled as the schema's annotations say.
A box that is registered at its VPN-Zugangsdienst tells its ContractID; what else only a box has stays out: ANLW_*, the
CRL, the certificates of a gSMC-K. SiteType is never filled.

No datum of a person is in it: the data are made of product, parameters, conditions, trust lists and terminals; a
card is not looked at but the gSMC-KT, which is a device. A terminal is not named, neither by CtID nor by host name.
"""

import re

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from tiaas.interfaces.operating_data_v1_1 import (
    BnetzaInfo,
    CardTerminal,
    CardTerminals,
    CautMode,
    CertificateData,
    ClientConnectionMode,
    Configuration,
    CtCertificates,
    KeyAlgorithm,
    KeyLength,
    OperatingData,
    OperatingSite,
    TlsCertSource,
    TlsKeyCrypt,
    TrustStatus,
    TslInfo,
    UpdateMode,
)
from tiaas.konnektor.connectorstate import connector_state
from tiaas.konnektor.instance import Instance
from tiaas.konnektor.sds import product_information
from tiaas.konnektor.terminallist import Correlation, TerminalEntry
from tiaas.konnektor.terminalproduct import terminal_product
from tiaas.soap.mapping import encode_document

_ICCSN = re.compile("[0-9]{20}")


def operating_data(instance: Instance) -> bytes:
    """The document as it is now."""
    context = instance.context
    now = context.clock.now()
    terminals = tuple(
        CardTerminal(
            product_information=terminal_product(entry.last_product, now),
            ct_certificates=CtCertificates(certificate_data=(_certificate(pairing.certificate),)),
        )
        for entry in context.terminals
        if (pairing := entry.config.pairing) is not None and _is_told(entry)
    )
    return encode_document(
        OperatingData(
            operating_site=_site(instance),
            product_information=product_information(instance.config.product, now),
            configuration=Configuration(
                client_connection_mode=_clients(instance),
                update_mode=UpdateMode(auto_download=_downloads(instance), auto_update=instance.auto_update.is_on),
            ),
            connector=connector_state(context.opstate, context.online_mode, names_terminals=False),
            trust_status=_trust(instance),
            card_terminals=CardTerminals(card_terminal=terminals),
        )
    )


def _site(instance: Instance) -> OperatingSite | None:
    """The contract of a box that is registered."""
    held = None if instance.registration is None else instance.registration.registered
    return None if held is None else OperatingSite(contract_id=held.contract_id)


def _downloads(instance: Instance) -> bool:
    """MGM_KSR_AUTODOWNLOAD, where there is a KSR."""
    return instance.updates.has_ksr and instance.updates.settings.auto_download


def _is_told(entry: TerminalEntry) -> bool:
    """A terminal that is "gepairt" or "aktiv", and whose gSMC-KT is therefore known."""
    return entry.config.correlation in (Correlation.GEPAIRT, Correlation.AKTIV, Correlation.AKTUALISIEREND)


def _clients(instance: Instance) -> ClientConnectionMode | None:
    """None if the certificate in use has a key that the schema has no words for."""
    access, identity = instance.config.access, instance.identity
    key = _key(identity.server.certificate)
    if key is None:
        return None
    return ClientConnectionMode(
        tls_mandatory=access.tls_mandatory,
        caut_mandatory=access.authentication_mandatory,
        caut_mode=CautMode(access.mode.value),
        dvd_open=access.directory_open,
        tls_cert_source=TlsCertSource.IMPORTED if identity.is_imported else TlsCertSource.SELFSIGNED,
        tls_key_crypt=key,
    )


def _key(certificate: x509.Certificate) -> TlsKeyCrypt | None:
    key = certificate.public_key()
    if isinstance(key, ec.EllipticCurvePublicKey):
        algorithm = KeyAlgorithm.BRAINPOOL if key.curve.name.startswith("brainpool") else KeyAlgorithm.NIST
    elif isinstance(key, rsa.RSAPublicKey):
        algorithm = KeyAlgorithm.RSA
    else:
        return None
    length = next((each for each in KeyLength if each.value == str(key.key_size)), None)
    return None if length is None else TlsKeyCrypt(algorithm=algorithm, key_length=length)


def _trust(instance: Instance) -> TrustStatus | None:
    status = instance.context.trust.status()
    tsl, bnetza = status.tsl, status.bnetza
    return TrustStatus(
        tsl=None
        if tsl.sequence_number is None or tsl.issued is None or tsl.next_update is None
        else TslInfo(sequence_number=tsl.sequence_number, list_issue_date_time=tsl.issued, next_update=tsl.next_update),
        bnetza_vl=None
        if bnetza.sequence_number is None or bnetza.issued is None or bnetza.next_update is None
        else BnetzaInfo(
            sequence_number=bnetza.sequence_number,
            list_issue_date_time=bnetza.issued,
            next_update=bnetza.next_update,
        ),
    )


def _certificate(der: bytes) -> CertificateData:
    """C.SMKT.AUT: its common name begins with the ICCSN of the gSMC-KT (gemSpec_PKI, Tab_PKI_241)."""
    certificate = x509.load_der_x509_certificate(der)
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    name = str(names[0].value) if names else ""
    iccsn = _ICCSN.match(name)
    return CertificateData(
        iccsn=iccsn[0] if iccsn else "",
        subject_common_name=name,
        serial_number=str(certificate.serial_number),
        validity=certificate.not_valid_after_utc.date(),
    )
