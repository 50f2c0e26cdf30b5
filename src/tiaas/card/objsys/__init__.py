"""Object systems of generation 2.1 as data: the folders, files, passwords and keys of a card, and who may do what."""
