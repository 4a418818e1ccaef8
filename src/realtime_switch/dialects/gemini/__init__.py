"""Gemini Live: messages that are one member of a few, replies without ids, errors as closes."""
