"""Scenarios: files that say what is in the lab, what goes wrong and when."""
