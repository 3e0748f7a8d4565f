"""A folder served as an object store on loopback: the part of S3's protocol that reading needs.

It lists (ListObjectsV2), describes (HEAD) and gives objects, whole or in ranges. Signatures are not
checked, but a request without one is refused.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import parse_qs, quote, unquote, urlsplit
from xml.sax.saxutils import escape

_PAGE = 10


@dataclass
class ObjectServer:
    """A running server.

    Parameters
    ----------
    root : Path
        Holds a folder for each bucket.
    port : int
        Where it answers.
    requests : list of str
        What was asked: method and path, in the order of the answers.
    """

    root: Path
    port: int
    requests: list[str] = field(default_factory=list)

    def url(self, folder: str) -> str:
        """The address of a folder, bucket first."""
        return (
            f"s3://key:hunter2@{folder}?endpoint_override=127.0.0.1:{self.port}"
            "&scheme=http&region=us-east-1"
        )


@contextmanager
def serving_objects(root: Path) -> Iterator[ObjectServer]:
    """Serve the folders below a folder as buckets."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 1 << 16  # an answer in one piece: small ones would wait for each other

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            told.requests.append(f"{self.command} {parts.path}")
            if "AWS4-HMAC-SHA256" not in self.headers.get("Authorization", ""):
                return self._answer(403, b"<Error><Code>AccessDenied</Code></Error>")
            bucket, _, key = unquote(parts.path).lstrip("/").partition("/")
            if not (root / bucket).is_dir():
                return self._answer(404, b"<Error><Code>NoSuchBucket</Code></Error>")
            if not key:
                query = {k: v[0] for k, v in parse_qs(parts.query).items()}
                return self._answer(200, _listing(root / bucket, query))
            file = root / bucket / key
            if not file.is_file():
                return self._answer(404, b"<Error><Code>NoSuchKey</Code></Error>")
            content = file.read_bytes()
            headers = {
                "ETag": f'"{hashlib.md5(content).hexdigest()}"',  # noqa: S324 - as S3 does
                "Last-Modified": formatdate(file.stat().st_mtime, usegmt=True),
            }
            ranged = self.headers.get("Range")
            if ranged is None:
                return self._answer(200, content, headers)
            first, last = ranged.removeprefix("bytes=").split("-")
            some = content[int(first) : int(last) + 1]
            headers["Content-Range"] = f"bytes {first}-{last}/{len(content)}"
            return self._answer(206, some, headers)

        do_HEAD = do_GET  # noqa: N815

        def _answer(self, code: int, body: bytes, headers: dict[str, str] | None = None) -> None:
            self.send_response(code)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Keep quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        told = ObjectServer(root, server.server_port)
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield told
        finally:
            server.shutdown()
            thread.join()


def _listing(bucket: Path, query: dict[str, str]) -> bytes:
    prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
    keys = sorted(
        path.relative_to(bucket).as_posix() for path in bucket.rglob("*") if path.is_file()
    )
    entries: dict[str, bool] = {}
    for key in keys:
        if key.startswith(prefix):
            rest, cut, _ = key[len(prefix) :].partition(delimiter) if delimiter else (key, "", "")
            entries[prefix + rest + cut if delimiter else key] = bool(cut)
    after = query.get("continuation-token", "")
    names = [name for name in entries if name > after]
    page, more = names[:_PAGE], len(names) > _PAGE
    body = "".join(
        f"<CommonPrefixes><Prefix>{escape(name)}</Prefix></CommonPrefixes>"
        if entries[name]
        else _object(bucket / name, name)
        for name in page
    )
    token = f"<NextContinuationToken>{quote(page[-1])}</NextContinuationToken>" if more else ""
    return (
        '<?xml version="1.0" encoding="UTF-8"?><ListBucketResult'
        ' xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        f"<IsTruncated>{str(more).lower()}</IsTruncated><KeyCount>{len(page)}</KeyCount>"
        f"{token}{body}</ListBucketResult>"
    ).encode()


def _object(file: Path, key: str) -> str:
    from datetime import UTC, datetime

    state = file.stat()
    time = datetime.fromtimestamp(int(state.st_mtime), UTC)
    return (
        f"<Contents><Key>{escape(key)}</Key><Size>{state.st_size}</Size>"
        f"<LastModified>{time:%Y-%m-%dT%H:%M:%S.000Z}</LastModified></Contents>"
    )
