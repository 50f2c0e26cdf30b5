"""A typed asyncio client for any Konnektor: `Konnektor.open(load_kon(path))` and go."""
