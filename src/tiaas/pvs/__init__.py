"""What practice software did at a Konnektor: recordings, their diagram, and what they say about conformance."""
