"""The front door's certificate, as it was configured."""

import ssl

from ..accounts.errors import ConfigurationError, ErrorCode
from ..settings import Settings


def tls_of(settings: Settings) -> ssl.SSLContext | None:
    certificate, key = settings.gateway.tls_cert, settings.gateway.tls_key
    if not certificate:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        # A passphrase would be asked for at a terminal that nobody watches.
        context.load_cert_chain(certificate, key or None, password=lambda: "")
    except (OSError, ssl.SSLError) as error:
        files = certificate + (f" with {key}" if key else "")
        why = error.strerror if not isinstance(error, ssl.SSLError) else _told(error)
        raise ConfigurationError(
            ErrorCode.INTERNAL_CONFIG_INVALID,
            f"TLS cannot be spoken with {files}: {why}. tls_cert and tls_key name files in PEM, and the key "
            "has no passphrase.",
        ) from None
    return context


def _told(error: ssl.SSLError) -> str:
    words = {"KEY_VALUES_MISMATCH": "the key belongs to another certificate"}
    return words.get(error.reason or "", "the certificate or the key cannot be read")
