"""GPT-Live, as OpenAI and Azure serve it (GPT-LIVE.md 13)."""
