"""A certificate of our own for 127.0.0.1, made for a test and thrown away with it."""

import ssl
import subprocess
from pathlib import Path

import pytest

from realtime_switch.gateway.tls import tls_of
from realtime_switch.settings import Flags, load


def make_certificate(folder: Path, kind: str = "ec") -> tuple[Path, Path]:
    """The files of the certificate and of its key."""
    cert, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", kind, "-nodes"),
            *(("-pkeyopt", "ec_paramgen_curve:P-256") if kind == "ec" else ()),
            *("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"),
            *("-days", "2", "-keyout", key, "-out", cert),
        ],
        check=True,
        capture_output=True,
    )
    return cert, key


def trusted_tls(folder: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext | None:
    """A gateway's, whose certificate Google's SDK trusts."""
    cert, key = make_certificate(folder)
    monkeypatch.setenv("SSL_CERT_FILE", str(cert))
    return tls_of(load(Flags(data=folder, tls_cert=str(cert), tls_key=str(key)), {}))
