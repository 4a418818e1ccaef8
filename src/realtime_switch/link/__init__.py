"""The six verbs over ZeroMQ: the gateway's client, the business process' server. See docs/link.md."""
