"""Where calls go: providers as they are configured, and the routes that choose among them."""
