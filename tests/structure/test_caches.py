"""What the whole process keeps of what comes from outside: so many, each of them so long at most.

Instances share a process: what one tenant sends must not take everybody's memory. A cache that is not named here makes
a test fail; what a key may be, its test beside the code shows.
"""

import ast
from importlib import import_module

from tests.structure.sources import SRC, modules, tree
from tiaas.ades import cades, cmsalgorithm, cmsattributes, pdfvalues, xadesread
from tiaas.cms import certificate, signed
from tiaas.pki import certificate as pki_certificate
from tiaas.pki import extensions, ocspmessages, usualanswer, usualform
from tiaas.soap import uris

TOGETHER_MAX = 24 * 1024 * 1024

OCTETS_MAX = {
    "ades.cades._stated_plainly": cades._MIME_TYPE_KEPT_LENGTH,
    "ades.cmsalgorithm._named": 8,
    "ades.cmsalgorithm._public_key": cmsalgorithm._KEY_KEPT_OCTETS,
    "ades.cmsattributes._names": cmsattributes._NAMING_KEPT_OCTETS,
    "ades.cmsattributes._protected": cmsattributes._PROTECTION_KEPT_OCTETS,
    "ades.pdfvalues._known_name": pdfvalues._KNOWN_NAME_MAX,
    "ades.xadesread._signer": xadesread._CERTIFICATE_KEPT_OCTETS,
    "cms.ber.dotted": 64,
    "cms.certificate._encoded": certificate._KEPT_OCTETS,
    "cms.certificate._names": certificate._KEPT_OCTETS,
    "cms.der.oid": 256,
    "cms.signed._algorithm": signed._ALGORITHM_KEPT_OCTETS,
    "cms.signed._alike": signed._ATTRIBUTE_KEPT_OCTETS,
    "cms.signed._choices": signed._CHOICES_KEPT_OCTETS,
    "cms.signed._few": signed._ALGORITHM_KEPT_OCTETS,
    "cms.signed._issuer_and_serial": signed._NAME_KEPT_OCTETS,
    "cms.signing.content_type": 256,
    "pki.certificate._comparable_issuer": pki_certificate._ISSUER_OF_OCTETS,
    "pki.certificate._kept_algorithm": pki_certificate._ALGORITHM_KEPT_OCTETS,
    "pki.extensions._kept": extensions._KEPT_OCTETS,
    "pki.keyworker._public_key": 200,
    "pki.ocspmessages._kept": ocspmessages._ISSUER_KEPT_OCTETS,
    "pki.usualanswer._is_usual": usualanswer._RESPONDER_OCTETS_MAX,
    "pki.usualform._kept_name": usualform._ISSUER_OCTETS_MAX,
    "soap.uris._is_known_uri": uris._KNOWN_URI_MAX,
    "soap.uris._stands_as_it_is": uris._KNOWN_URI_MAX,
}
"""Octets or characters that a caller can choose of a key, by function below `tiaas`. A number stands where the form
bounds it: OIDs have 64 octets, up to 256 characters, keys that a process is asked about are points of known curves."""

OURS = {
    "ades.cmssigner.cms_signer",
    "ades.padescms.pdf_signer",
    "ades.xades._key_size",
    "base.wire._fields",
    "card.objsys.catalogue._reduced",
    "card.virtual.tree.tree_of",
    "cli.whichlab._tell",
    "client.errorhelp.all_help",
    "cms.signing._signing_second",
    "konnektor.errors._known_of",
    "konnektor.protocol.service._told_of",
    "konnektor.services.signature.variants.kind_and_update",
    "konnektor.services.signature.warned._frame",
    "konnektor.services.signature.warned._warning",
    "konnektor.verification.reporting._displayed",
    "konnektor.verification.reporting._refers_to_certificate",
    "lab.faults._pattern",
    "pki.pkcs11._module",
    "soap.standalone._hints",
    "soap.standalone.places_of",
    "xmlsec.writer._frame",
    "xmlsec.writer._key_info",
    "xmlsec.writer._steps",
}
"""With keys of ours: certificates of cards that sign, members of enums, what is configured, words that are checked."""


def _caches() -> set[str]:
    """All with a key."""
    found = set()
    for path in modules():
        module = ".".join(path.relative_to(SRC).with_suffix("").parts)
        for node in tree(path).body:
            if isinstance(node, ast.FunctionDef) and node.args.args and any(map(_is_cache, node.decorator_list)):
                found.add(f"{module}.{node.name}")
            elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and _is_cache(node.value.func):
                found.add(f"{module}.{ast.unparse(node.targets[0])}")
    return found


def _is_cache(node: ast.expr) -> bool:
    return ast.unparse(node).partition("(")[0] in ("cache", "lru_cache")


def test_every_cache_of_the_process_has_a_bound() -> None:
    assert _caches() == OCTETS_MAX.keys() | OURS
    assert not OCTETS_MAX.keys() & OURS


def test_what_anybody_can_have_kept_is_little() -> None:
    together = 0
    for name, octets in OCTETS_MAX.items():
        module, _, function = name.rpartition(".")
        together += octets * getattr(import_module(f"tiaas.{module}"), function).cache_parameters()["maxsize"]
    assert together <= TOGETHER_MAX
