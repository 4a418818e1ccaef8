"""The Gemini Live dialect as Google's server speaks it."""
