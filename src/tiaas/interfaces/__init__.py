"""The typed messages of gematik's SOAP interfaces, one module per service and version; server, client and lab share them."""
