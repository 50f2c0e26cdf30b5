"""Who of the lab's people stands in the directory: each practice, its doctor, every insurer."""

from collections.abc import Callable, Iterator, Mapping

from tiaas.base.clock import Clock
from tiaas.base.dataclass import dataclass
from tiaas.card.objsys.model import CardKind
from tiaas.lab.cards import CardBox
from tiaas.lab.population import Population
from tiaas.lab.practice import Practice
from tiaas.lab.vzd.entries import DirectoryEntry, insurer_entry, practice_entry, professional_entry
from tiaas.lab.vzd.insurers import InsurerCertificates

_ECC = {CardKind.SMC_B: "MF/DF.ESIGN/EF.C.HCI.ENC.E256", CardKind.HBA: "MF/DF.ESIGN/EF.C.HP.ENC.E256"}
_RSA = {CardKind.SMC_B: "MF/DF.ESIGN/EF.C.HCI.ENC.R2048", CardKind.HBA: "MF/DF.ESIGN/EF.C.HP.ENC.R2048"}


@dataclass(frozen=True, slots=True)
class Listing:
    """Makes the entries from what the lab has at that moment."""

    people: Callable[[], Population]
    practices: Callable[[], Mapping[int, Practice]]
    cards: CardBox
    insurers: InsurerCertificates
    clock: Clock

    def entries(self) -> Iterator[DirectoryEntry]:
        """All of them; a certificate that was not needed before is made for it."""
        now, people = self.clock.now(), self.people()
        found: list[DirectoryEntry | None] = []
        for number in sorted(self.practices()):
            staff = people.staffing(number)
            certificates = self._certificates(number, CardKind.SMC_B)
            found.append(practice_entry(staff.institution, certificates, now, number))
            certificates = self._certificates(number, CardKind.HBA)
            found.append(professional_entry(staff.professional, certificates, now, number))
        found += [insurer_entry(insurer, self.insurers.of(insurer), now) for insurer in people.seed.insurers]
        yield from (entry for entry in found if entry is not None)

    def _certificates(self, practice: int, kind: CardKind) -> Iterator[bytes]:
        """The ENC certificates of a practice's cards; that for RSA only if the card has it by now, because its key
        costs a tenth of a second."""
        for card in self.cards.of_practice(practice, kind):
            yield self.cards.certificate(card.iccsn, _ECC[kind])
            image = card.card.image
            if _RSA[kind] in image.files:
                yield image.files[_RSA[kind]]
