"""The business side: accounts, credits, keys, and the memory of conversations. Rules over repositories."""
