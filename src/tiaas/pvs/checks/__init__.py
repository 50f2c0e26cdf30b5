"""What a recording says about the conformance of practice software; one module per area."""
