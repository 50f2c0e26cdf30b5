"""SOAP 1.1: envelope, fault, typed message mapping, dispatch, client. Knows no service."""
