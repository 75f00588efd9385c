"""Servers for the tests of stores: one with ranges, and a proxy that breaks answers on purpose."""

import hashlib
import os
import re
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pyarrow.parquet as pq

Run = Callable[..., subprocess.CompletedProcess[str]]
SECRET = "very-secret"
SHARDS = 8


@dataclass
class Plan:
    """A manifest of the demo with several shards, and its dataset."""

    manifest: Path
    folder: Path
    built: dict[str, bytes]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def reply(self, status: int, headers: dict[str, str], body: bytes, head: bool = False) -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        if not head:
            self.wfile.write(body)


@contextmanager
def serve(handler: type[Handler]) -> Iterator[str]:
    """The address of a server on a free port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def files(folder: Path, ranges: bool = True, lie: Callable[[str, int], int] | None = None) -> type[Handler]:
    """Serves `folder` with ranges and tags; `lie` says what size to state of a file."""

    class Files(Handler):
        asked: list[tuple[str, str, str | None]] = []

        def do_GET(self, head: bool = False) -> None:
            name = self.path.split("?")[0]
            self.asked.append((self.command, self.path, self.headers.get("Range")))
            path = folder / urllib.request.unquote(name).lstrip("/")
            if not path.is_file():
                return self.reply(404, {}, b"", head)
            body = path.read_bytes()
            tag = {"ETag": f'"{hashlib.md5(body).hexdigest()}"', "Last-Modified": "Mon, 01 Jun 2026 10:00:00 GMT"}
            size = lie(name, len(body)) if lie else len(body)
            wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range") or "")
            if head:
                return self.reply(200, tag | {"Content-Length": str(size)}, b"", True)
            if wanted and ranges:
                first, last = int(wanted[1]), min(int(wanted[2]), len(body) - 1)
                tag["Content-Range"] = f"bytes {first}-{last}/{size}"
                return self.reply(206, tag, body[first : last + 1])
            self.reply(200, tag, body)

        def do_HEAD(self) -> None:
            self.do_GET(head=True)

    return Files


def proxy(target: str, fault: Callable[[str, str, int], str | None]) -> type[Handler]:
    """Hands requests to `target`; `fault` names what is to go wrong with one, by method, path and number.

    reset: no answer. close: forwarded, no answer. 500: forwarded, then 500. half: half of the body. slow: in drops.
    A number is answered as that status, without being forwarded; a text after it is the body.
    """

    class Proxy(Handler):
        count = 0
        lock = threading.Lock()

        def do_GET(self) -> None:
            with Proxy.lock:
                Proxy.count += 1
                number = Proxy.count
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            what = fault(self.command, self.path, number) or ""
            if what == "reset":
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                return self.hang_up()
            if what[:3].isdigit() and what != "500":
                return self.reply(int(what[:3]), {}, what[3:].encode(), self.command == "HEAD")
            request = urllib.request.Request(target + self.path, body or None, method=self.command)
            for name, value in self.headers.items():
                if name.lower() not in ("connection", "content-length"):
                    request.add_header(name, value)
            # Else a form would be made of it.
            request.add_header("Content-Type", self.headers.get("Content-Type") or "application/octet-stream")
            if self.command in ("PUT", "POST"):
                request.add_header("Content-Length", str(len(body)))
                request.data = body
            try:
                answer = urllib.request.urlopen(request)
            except urllib.error.HTTPError as error:
                answer = error
            content = answer.read()
            if what == "close":
                return self.hang_up()
            if what == "500":
                return self.reply(500, {}, b"<Code>InternalError</Code>", self.command == "HEAD")
            kept = {n: v for n, v in answer.headers.items() if n.lower() not in ("connection", "transfer-encoding")}
            if self.command != "HEAD":
                kept["Content-Length"] = str(len(content))
            if what == "half":
                self.reply(answer.status, kept, b"", True)
                self.wfile.write(content[: len(content) // 2])
                return self.hang_up()
            if what == "slow":
                self.reply(answer.status, kept, b"", True)
                for start in range(0, len(content), 1 << 16):
                    self.wfile.write(content[start : start + (1 << 16)])
                    time.sleep(0.02)
                return
            self.reply(answer.status, kept, content, self.command == "HEAD")

        def hang_up(self) -> None:
            self.wfile.flush()
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR) if not self.connection._closed else None

        do_HEAD = do_PUT = do_POST = do_DELETE = do_GET

    return Proxy


@contextmanager
def s3() -> Iterator[str]:
    """The address of moto, which speaks S3."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = Path(sys.executable).parent / "moto_server"
    server = subprocess.Popen([program, "-H", "127.0.0.1", "-p", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            try:
                urllib.request.urlopen(f"{address}/moto-api/")
                break
            except OSError:
                time.sleep(0.1)
        yield address
    finally:
        server.kill()
        server.wait()


def make_bucket(address: str, name: str) -> None:
    urllib.request.urlopen(urllib.request.Request(f"{address}/{name}", method="PUT"))


def ids(dataset: Path) -> list[int]:
    """The recordings of a dataset in order."""
    tables = sorted((dataset / "assets").iterdir())
    return [asset for table in tables for asset in pq.read_table(table)["asset_id"].to_pylist()]


def content(folder: Path) -> dict[str, bytes]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def environment(home: Path, s3: str, seconds: int = 60) -> dict[str, str]:
    """What l48 is told of a store, and nothing of the user's; `seconds` is how long it tries."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return own | {
        "HOME": str(home),
        "L48_CACHE": str(home / "cache"),
        "L48_STORE_SECONDS": str(seconds),
        "AWS_ENDPOINT_URL": s3,
        "AWS_ACCESS_KEY_ID": "someone",
        "AWS_SECRET_ACCESS_KEY": SECRET,
    }


def keys(address: str, bucket: str = "lab") -> list[str]:
    """The names of what is in a bucket of S3."""
    with urllib.request.urlopen(f"{address}/{bucket}?list-type=2") as answer:
        return re.findall("<Key>(.*?)</Key>", answer.read().decode())


SIGNED = {"Authorization": "AWS4-HMAC-SHA256 Credential=someone/20260101/us-east-1/s3/aws4_request"}
"""What moto takes for a signature; it lets nobody delete without one."""


def put(address: str, key: str, body: bytes, bucket: str = "lab") -> None:
    headers = {"Content-Type": "application/octet-stream"} | SIGNED
    urllib.request.urlopen(urllib.request.Request(f"{address}/{bucket}/{key}", body, headers, method="PUT"))


def delete(address: str, key: str, bucket: str = "lab") -> None:
    urllib.request.urlopen(urllib.request.Request(f"{address}/{bucket}/{key}", headers=SIGNED, method="DELETE"))
