"""The OpenAI Realtime dialect, as the provider speaks it: one pure conversation and what it is made of."""
