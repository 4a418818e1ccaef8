"""TLS as a gateway has it from its settings, with a certificate of our own."""

import ssl
from pathlib import Path

import pytest

from certificate import make_certificate
from realtime_switch.gateway.tls import tls_of
from realtime_switch.settings import Flags, load


def trusted_tls(folder: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext | None:
    """A gateway's, whose certificate Google's SDK trusts."""
    cert, key = make_certificate(folder)
    monkeypatch.setenv("SSL_CERT_FILE", str(cert))
    return tls_of(load(Flags(data=folder, tls_cert=str(cert), tls_key=str(key)), {}))
