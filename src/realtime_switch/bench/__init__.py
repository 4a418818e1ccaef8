"""The load that a gateway is measured with, the systems that are measured, and `realtime-switch bench`.

It knows the other parts only as a client does: by their command and by their sockets.
"""
