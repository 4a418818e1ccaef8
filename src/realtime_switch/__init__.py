"""Realtime Switch: a gateway for realtime voice AI."""
