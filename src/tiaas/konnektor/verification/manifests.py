"""VerifyManifests: what became of the references in signed manifests (OASIS DSS core 1.0, 4.5.1)."""

from collections.abc import Sequence

from tiaas.ades.found import FoundSignature
from tiaas.interfaces.dss_core_v1_0 import ManifestResult, VerifyManifestResults

_STATUS = "urn:oasis:names:tc:dss:1.0:manifeststatus:"


def manifest_results(found: Sequence[FoundSignature]) -> VerifyManifestResults | None:
    """The results for all references that could be compared; None if there are none.

    An external reference whose octets nobody gave is not followed, so nothing is said of it.
    """
    results = tuple(
        ManifestResult(
            reference_xpath=f"//ds:Manifest/ds:Reference[{number}]",
            status=f"{_STATUS}{'Valid' if entry.intact else 'Invalid'}",
        )
        for signature in found
        for number, entry in enumerate(signature.manifest, 1)
        if entry.intact is not None
    )
    return VerifyManifestResults(manifest_result=results) if results else None
