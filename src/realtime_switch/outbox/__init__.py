"""Where a gateway keeps records until the business process has committed them. See docs/outbox.md."""
