"""The typed messages of gematik's SOAP interfaces, one module per service and version.

Server, client and lab share them.
"""
