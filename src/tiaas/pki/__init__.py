"""X.509 and card verifiable certificates of the Telematikinfrastruktur: profiles, issuing, reading, path validation."""
