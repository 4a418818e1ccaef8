"""A certificate of our own for 127.0.0.1, made for a test and thrown away with it.

The frameworks' environment, which has no Realtime Switch in it, imports this too."""

import subprocess
from pathlib import Path


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
