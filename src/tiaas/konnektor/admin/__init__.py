"""The management interface: JSON over TLS, one listener per instance and one of the node (gemSpec_Kon V5.18 §4.3)."""
