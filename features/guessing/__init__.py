"""A first mapping, guessed from the names and the values of a source's relations."""
