"""A card made of software: gemSpec_COS commands over an object system and the persistent content of one card."""
