"""The trust bench, for all tests here."""

from tests.unit.konnektor_trust.conftest import bench

__all__ = ["bench"]
