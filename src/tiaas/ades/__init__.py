"""AdES formats: CAdES, XAdES, PAdES, S/MIME. No keys, no trust, no I/O: see `tiaas.ades.signing` for how they are used."""
