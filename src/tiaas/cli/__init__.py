"""The command line: one module per group of verbs; `up` is the composition root."""
