"""A search and a modification with python ldap3, as a program of its own: the library leaves sockets to the collector.

Arguments: URL, base, filter, CA, certificate, key. Writes a JSON object: `found` (domainID → hex of the certificate),
`modify` (result code).
"""

import json
import ssl
import sys

import ldap3

url, base, filter_, ca, certificate, key = sys.argv[1:]
tls = ldap3.Tls(
    local_certificate_file=certificate,
    local_private_key_file=key,
    ca_certs_file=ca,
    validate=ssl.CERT_REQUIRED,
    version=ssl.PROTOCOL_TLS_CLIENT,
)
with ldap3.Connection(ldap3.Server(url, tls=tls, get_info=ldap3.NONE), auto_bind=True) as connection:
    connection.search(base, filter_, attributes=["domainID", "userCertificate"])
    attributes = [item["attributes"] for item in connection.response]
    found = {item["domainID"][0]: item["userCertificate;binary"][0].hex() for item in attributes}
    connection.modify("uid=lei-1,dc=data,dc=vzd", {"cn": [(ldap3.MODIFY_REPLACE, ["x"])]})
    print(json.dumps({"found": found, "modify": connection.result["result"]}))
