"""The lab's VPN-Zugangsdienst as far as a box speaks with it: its registration service."""
