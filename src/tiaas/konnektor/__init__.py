"""The Konnektor: information model, access, cards, terminals, services, and the front that serves them."""
