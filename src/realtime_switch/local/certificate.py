"""A certificate of our own making, for clients that insist on TLS (google-genai for Python does).

trustme makes it, because what clients demand of a certificate grows with every release of Python. It needs
the extra `local`.
"""

import ssl
from pathlib import Path

import msgspec

FILE_NAME = "local-provider.pem"


class Certificate(msgspec.Struct, frozen=True):
    # What a client must trust: SSL_CERT_FILE may point to it.
    path: Path
    context: ssl.SSLContext


def certificate(directory: Path, host: str = "127.0.0.1") -> Certificate:
    """A new one each time, good for this machine and `host`; nobody keeps its key."""
    import trustme  # not paid for by those who serve without TLS

    authority = trustme.CA(organization_name="Realtime Switch local provider")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*dict.fromkeys(("127.0.0.1", "::1", "localhost", host))).configure_cert(context)
    path = directory / FILE_NAME
    authority.cert_pem.write_to_path(str(path))
    return Certificate(path, context)
