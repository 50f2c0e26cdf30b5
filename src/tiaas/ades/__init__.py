"""AdES formats: CAdES, XAdES, PAdES, S/MIME. No keys, no trust, no I/O: `tiaas.ades.signing` says how they are used."""
