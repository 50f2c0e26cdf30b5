"""A box and its VPN-Zugangsdienst, profile einbox: registered there, and operating data sent there."""
