"""The rules of one call. Pure: no socket, no clock and no dice of its own."""
