"""One module per SOAP service; services are strangers to each other."""
