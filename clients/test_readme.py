"""What README.md tells a reader to write works as it stands, but for the address and the key."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import Target, clean_environment

README = Path(__file__).with_name("README.md").read_text()
SNIPPETS = dict(re.findall(r"^## ([^\n]+)\n.*?```python\n(.*?)```", README, re.MULTILINE | re.DOTALL))


@pytest.mark.parametrize("client", SNIPPETS)
def test_a_snippet_of_the_readme_gets_an_answer(client: str, account: Target) -> None:
    code = (
        SNIPPETS[client]
        .replace("https://127.0.0.1:8080", account.https_url)
        .replace("127.0.0.1:8080", account.address)
        .replace("rslive_v1_YOUR_KEY", account.key)
    )
    trusting = {"SSL_CERT_FILE": os.environ["SSL_CERT_FILE"]}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=clean_environment() | trusting,
        capture_output=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    assert "Ada" in done.stdout.decode(), done.stderr.decode()
