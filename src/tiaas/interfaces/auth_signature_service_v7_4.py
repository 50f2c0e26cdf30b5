"""AuthSignatureService 7.4 (WSDL 7.4.0 and 7.4.1; 7.4.1 allows the signature type of ECDSA).

It has no schema of its own: its messages are in SignatureService.xsd 7.4 (`signature_service_v7_4`).
"""

from tiaas.interfaces.signature_service_v7_4 import SIG74

SERVICE = "AuthSignatureService"
WSDL_NAMESPACE = "http://ws.gematik.de/conn/AuthSignatureService/WSDL/v7.4"
VERSIONS = ("7.4.0", "7.4.1")

EXTERNAL_AUTHENTICATE_ACTION = f"{SIG74.uri}#ExternalAuthenticate"
