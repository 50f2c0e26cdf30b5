"""The one error of the readers of CMS."""

from tiaas.base.errors import TiaasError


class BadCms(TiaasError):
    """Octets that are no CMS structure of the expected kind; says what is wrong, without content."""
