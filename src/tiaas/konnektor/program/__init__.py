"""The program of a Konnektor replaced by an Update-Paket: checked, tried, and taken back if it does not serve."""
