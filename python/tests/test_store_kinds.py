"""Stores of other kinds than moto: Azurite, which speaks Azure, and localbucket, which keeps files in a folder and knows
fewer conditions."""

import base64
import hashlib
import hmac
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from email.utils import formatdate
from pathlib import Path

import pytest
from stores import Plan, Run, content, environment, make_bucket

# Both are Azurite's own, and public.
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


class Server:
    """A server that a command starts on a port of its own."""

    def __init__(self, command: Callable[[int], list[object]]) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.address = f"http://127.0.0.1:{port}"
        self._command = [str(word) for word in command(port)]
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(600):
            try:
                return socket.create_connection(("127.0.0.1", int(self.address.rsplit(":")[-1]))).close()
            except OSError:
                assert self._process.poll() is None
                time.sleep(0.1)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


@pytest.fixture
def azure(tmp_path: Path) -> Iterator[dict[str, str]]:
    """What l48 is told of Azurite, where there is a container `lab`."""
    program = os.environ.get("L48_AZURITE") or Path(__file__).parent / "azurite/node_modules/.bin/azurite-blob"
    if not Path(program).is_file():
        pytest.skip("there is no Azurite: `npm ci` in python/tests/azurite installs it, or L48_AZURITE names it")
    flags = ("--silent", "--skipApiVersionCheck", "--location", tmp_path / "azure", "--blobPort")
    azurite = Server(lambda port: [program, *flags, port])
    try:
        server = azurite.address
        when, path = formatdate(usegmt=True), f"/{ACCOUNT}/lab"
        signed = f"PUT\n\n\n\n\n\n\n\n\n\n\n\nx-ms-date:{when}\nx-ms-version:2021-08-06\n/{ACCOUNT}{path}\nrestype:container"
        signature = base64.b64encode(hmac.new(base64.b64decode(KEY), signed.encode(), hashlib.sha256).digest()).decode()
        headers = {"x-ms-date": when, "x-ms-version": "2021-08-06", "Authorization": f"SharedKey {ACCOUNT}:{signature}"}
        urllib.request.urlopen(urllib.request.Request(f"{server}{path}?restype=container", headers=headers, method="PUT"))
        yield {
            "AZURE_STORAGE_ACCOUNT_NAME": ACCOUNT,
            "AZURE_STORAGE_ACCOUNT_KEY": KEY,
            "AZURE_STORAGE_ENDPOINT": f"{server}/{ACCOUNT}",
        }
    finally:
        azurite.kill()


def test_azure(run: Run, azure: dict[str, str], plan: Plan, tmp_path: Path) -> None:
    url, scratch = "az://lab/sets/birds", ("--scratch", tmp_path / "scratch")
    run("plan", plan.manifest, "--out", url, *scratch, **azure)
    assert "Already planned" in run("plan", plan.manifest, "--out", url, "--resume", *scratch, **azure).stdout
    for part in ("0/2", "1/2"):
        run("build", plan.manifest, "--out", url, "--part", part, *scratch, **azure)
    run("commit", url, *scratch, **azure)
    assert "already committed" in run("build", plan.manifest, "--out", url, "--resume", *scratch, **azure).stdout
    run("copy", url, tmp_path / "back", **azure)
    assert content(tmp_path / "back") == plan.built
    run("verify", url, **azure)
    run("copy", tmp_path / "back", "az://lab/copied", **azure)
    run("verify", "az://lab/copied", "--quick", **azure)
    shutil.rmtree(tmp_path / "back")
    assert 'no bucket "nowhere"' in run("stats", "az://nowhere/birds", code=2, **azure).stderr


def test_a_store_that_is_started_again_while_it_is_written_to(run: Run, plan: Plan, program: str, tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    localbucket = Path(sys.executable).parent / "localbucket"
    server = Server(lambda port: [localbucket, "--port", port, tmp_path / "store"])
    url, scratch = "s3://lab/birds", ("--scratch", tmp_path / "scratch")
    try:
        make_bucket(server.address, "lab")
        command = [program, "build", plan.manifest, "--out", url, "--threads", "1", *scratch]
        builder = subprocess.Popen(command, env=environment(tmp_path, server.address), stdout=subprocess.DEVNULL)
        while not list((tmp_path / "store").rglob("*.safetensors")) and builder.poll() is None:
            time.sleep(0.02)
        server.kill()
        time.sleep(0.5)
        server.start()
        # This store keeps what was cut off as it is: then that is said, and the next run mends it.
        if builder.wait(120) != 0:
            run("build", plan.manifest, "--out", url, "--resume", *scratch, s3=server.address)
        run("verify", url, s3=server.address)
        run("copy", url, tmp_path / "back", s3=server.address)
    finally:
        server.kill()
    assert content(tmp_path / "back") == plan.built
