"""The operations of EncryptionService 6.1."""

from collections.abc import Sequence

from tiaas.base.dataclass import dataclass
from tiaas.client.caller import Caller, ServiceKind, warning_of
from tiaas.client.errors import BadAnswer, TraceEntry
from tiaas.interfaces import encryption_service_v6_1 as encryption_service
from tiaas.interfaces.connector_common_v5_0 import Document
from tiaas.interfaces.dss_core_v1_0 import Base64Data
from tiaas.interfaces.encryption_service_v6_1 import EncryptionType
from tiaas.interfaces.signature_service_v7_5 import Crypt

ENCRYPTION = ServiceKind(encryption_service.SERVICE, "6.1")


@dataclass(frozen=True, slots=True, repr=False)
class Converted:
    """An encrypted or decrypted document; `is_xml` says in which of the two forms it came."""

    content: bytes
    is_xml: bool
    warning: tuple[TraceEntry, ...]


class EncryptionServices(Caller):
    """See module. All operations raise what `Konnektor` says."""

    async def encrypt_document(
        self,
        content: bytes,
        certificates: Sequence[bytes] = (),
        *,
        card_handle: str | None = None,
        crypt: Crypt | None = None,
        is_xml: bool = False,
        mime_type: str | None = None,
        encryption_type: EncryptionType | None = None,
    ) -> Converted:
        """Encrypts for the holders of certificates (DER) and of a card; XML becomes XMLEnc, anything else CMS.

        `encryption_type` asks for another format, `crypt` chooses among the card's certificates.
        """
        card = None
        if card_handle is not None:
            kind = None if crypt is None else encryption_service.Crypt(crypt.value)
            card = encryption_service.CertificateOnCard(card_handle=card_handle, crypt=kind)
        inputs = None
        if encryption_type is not None:
            inputs = encryption_service.EncryptOptionalInputs(encryption_type=encryption_type)
        request = encryption_service.EncryptDocument(
            context=self.context,
            recipient_keys=encryption_service.RecipientKeys(certificate_on_card=card, certificate=tuple(certificates)),
            document=_document(content, is_xml, mime_type),
            optional_inputs=inputs,
        )
        answer = await self.call(
            ENCRYPTION,
            encryption_service.ENCRYPT_DOCUMENT_ACTION,
            request,
            encryption_service.EncryptDocumentResponse,
        )
        return self._converted(answer.document, warning_of(answer.status))

    async def decrypt_document(self, card_handle: str, content: bytes, *, is_xml: bool = False) -> Converted:
        """Decrypts with the key of an HBA or SMC-B; its PIN was verified before."""
        request = encryption_service.DecryptDocument(
            context=self.context,
            private_key_on_card=encryption_service.PrivateKeyOnCard(card_handle=card_handle),
            document=_document(content, is_xml, None),
        )
        answer = await self.call(
            ENCRYPTION,
            encryption_service.DECRYPT_DOCUMENT_ACTION,
            request,
            encryption_service.DecryptDocumentResponse,
        )
        return self._converted(answer.document, warning_of(answer.status))

    def _converted(self, document: Document | None, warning: tuple[TraceEntry, ...]) -> Converted:
        if document is not None and document.base64_xml is not None:
            return Converted(document.base64_xml, True, warning)
        if document is not None and document.base64_data is not None:
            return Converted(document.base64_data.data, False, warning)
        url = self.directory.find(ENCRYPTION.name, ENCRYPTION.version).location
        raise BadAnswer(url, 200, "without a document")


def _document(content: bytes, is_xml: bool, mime_type: str | None) -> Document:
    if is_xml:
        return Document(base64_xml=content)
    return Document(base64_data=Base64Data(data=content, mime_type=mime_type))
