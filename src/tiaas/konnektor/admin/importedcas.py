"""CERT_IMPORTED_CA_LIST: CAs outside of the TI are imported, shown and deleted (gemSpec_Kon V5.18 TAB_KON_606)."""

from cryptography import x509

from tiaas.interfaces.management.importedcas import CaImport, ImportedCaEntry, ImportedCaList
from tiaas.konnektor.admin.asked import instance_of
from tiaas.konnektor.admin.problems import not_found
from tiaas.konnektor.admin.roles import INSTANCE_ROLES, ON_SITE
from tiaas.konnektor.admin.routes import Call, Route, delete, get, post
from tiaas.konnektor.importedcas import ImportedCa

_PATH = "/trust/imported-cas"


async def _list(call: Call) -> ImportedCaList:
    return ImportedCaList(tuple(_shown(held) for held in instance_of(call).context.trust.imported))


async def _add(call: Call) -> ImportedCaEntry:
    trust = instance_of(call).context.trust
    qualified = () if trust.lists is None else trust.lists.qualified
    added = await trust.imported.add(call.body(CaImport).certificate, [issuer.certificate for issuer in qualified])
    entry = _shown(added)
    # Who is trusted now, in words; the certificate itself says nothing in a log.
    call.note(f"POST {_PATH}", {"fingerprint": entry.fingerprint, "subject": entry.subject})
    return entry


async def _remove(call: Call) -> None:
    if not await instance_of(call).context.trust.imported.remove(call.path["fingerprint"].lower()):
        raise not_found("imported CA of that fingerprint")


def _shown(held: ImportedCa) -> ImportedCaEntry:
    ca = held.certificate
    subject = x509.load_der_x509_certificate(ca.encoded).subject.rfc4514_string()
    return ImportedCaEntry(held.fingerprint, subject, ca.not_before, ca.not_after)


IMPORTED_CA_ROUTES: tuple[Route, ...] = (
    get(_PATH, INSTANCE_ROLES, "CAs outside of the TI that were imported", _list, ImportedCaList),
    post(_PATH, ON_SITE, "Imports a CA outside of the TI", _add, request=CaImport, response=ImportedCaEntry),
    delete(f"{_PATH}/{{fingerprint}}", ON_SITE, "Trusts an imported CA no more", _remove),
)
