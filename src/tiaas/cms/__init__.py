"""CMS syntax (RFC 5652, 5083, 5084): writers and readers. No keys, no trust."""
