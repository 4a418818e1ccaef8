"""Provider's message languages. Each reads its own messages into acts; none knows another."""
