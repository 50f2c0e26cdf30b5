"""VerifyManifests: what became of the references in signed manifests (OASIS DSS core 1.0, 4.5.1)."""

from collections.abc import Sequence

from tiaas.ades.found import FoundSignature, ManifestEntry
from tiaas.interfaces.dss_core_v1_0 import ManifestResult, VerifyManifestResults

_STATUS = "urn:oasis:names:tc:dss:1.0:manifeststatus:"


def manifest_results(found: Sequence[FoundSignature]) -> VerifyManifestResults | None:
    """The results for all references that could be compared, each once, however many signatures sign its manifest; None
    if there are none.

    An external reference whose octets nobody gave is not followed, so nothing is said of it.
    """
    # By the object: references in two manifests may be alike.
    numbered: dict[int, tuple[int, ManifestEntry]] = {}
    for signature in found:
        for number, entry in enumerate(signature.manifest, 1):
            if entry.intact is not None:
                numbered.setdefault(id(entry), (number, entry))
    results = tuple(
        [
            ManifestResult(
                reference_xpath=f"//ds:Manifest/ds:Reference[{number}]",
                status=f"{_STATUS}{'Valid' if entry.intact else 'Invalid'}",
            )
            for number, entry in numbered.values()
        ]
    )
    return VerifyManifestResults(manifest_result=results) if results else None
