"""What a report says of a signed e-mail: the header that mail programs show is not signed, whatever the verdict.

What is signed may have a From, To or Subject of its own: then both are compared, as KIM's Clientmodul does
(gemSMIME_KOMLE, X-KIM-IntegrityCheckResult 08). VerifyDocument looks at what is signed only.
"""

from tiaas.ades import mime
from tiaas.cms.errors import BadCms
from tiaas.cms.signed import decode_signed_data_untrusted

_SHOWN = ("From", "Sender", "Reply-To", "To", "Cc", "Date", "Subject")
_NOT_SIGNED = "the header of the message (From, To, Subject and so on) is not signed"


def remark_on_header(document: bytes) -> str:
    """The remark on a signed message; nothing for any other document."""
    try:
        message = mime.split_untrusted(document)
    except mime.BadMime:
        return ""
    if message.content_type not in (*mime.PKCS7_MIME, "multipart/signed"):
        return ""
    try:
        signed = _signed_message(message)
    except (mime.BadMime, BadCms):
        return _NOT_SIGNED
    if not any(_values(signed, name) for name in _SHOWN):
        return _NOT_SIGNED
    others = ", ".join(name for name in _SHOWN if _values(signed, name) != _values(message, name))
    return f"{_NOT_SIGNED}; what is signed has {f'another {others}' if others else 'the same ones'}"


def _signed_message(message: mime.MimeMessage) -> mime.MimeMessage:
    """The message or part that is signed, out of message/rfc822 if it is in such a one."""
    if message.content_type in mime.PKCS7_MIME:
        content = decode_signed_data_untrusted(mime.decoded_untrusted(message)).content() or b""
    else:
        content, _ = mime.signed_parts_untrusted(message)
    part = mime.split_untrusted(content)
    return mime.split_untrusted(part.body) if part.content_type == "message/rfc822" else part


def _values(message: mime.MimeMessage, name: str) -> list[str]:
    """All fields of that name: a second one is another one."""
    return [" ".join(field.value.split()) for field in message.fields if field.name == name.lower()]
