#!/usr/bin/env python3
"""usage: file_server.py FOLDER: serves the folder on 127.0.0.1 in good and bad ways, for the download tests.

Prints the port, then answers until its standard input ends. The first part of a path says how the file is served:

  /plain/NAME     with Range, If-Range and an ETag made from the content
  /noetag/NAME    with Range, without an ETag
  /norange/NAME   ignores Range
  /cut/N/NAME     as plain, but the connection breaks after N bytes of every answer
  /stall/N/NAME   as plain, but after N bytes nothing comes any more
  /wrong/NAME     as plain, with every byte of the content inverted
  /chunked/NAME   without a length
  /status/N/...   an answer of that status and a page
  /flaky/N/NAME   N answers of 503, then plain
  /redirect/N/NAME  N redirects, then plain
  /OWNER/REPO/resolve/REVISION/NAME  as a model hub: a redirect to plain with X-Linked-ETag, the SHA-256 (REPO "unhashed":
                  without it; "lying": a wrong one)
  /simple/PROJECT/  a page of links to the folder's wheels, as a package registry has (PEP 503)
  /log            the requests so far as JSON: [[path, Range, If-Range], ...]; not logged itself
"""

import hashlib
import http.server
import json
import pathlib
import re
import sys
import threading

ROOT = pathlib.Path(sys.argv[1])
LOG = []
FLAKY = {}
STOP = threading.Event()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def do_GET(self):
        if self.path == "/log":
            return self.answer(200, json.dumps(LOG).encode(), {"Content-Type": "application/json"})
        LOG.append([self.path, self.headers.get("Range"), self.headers.get("If-Range")])
        way, *rest = self.path.strip("/").split("/")
        if way == "status":
            return self.answer(int(rest[0]), b"<html>an error page</html>", {})
        if way == "simple":
            return self.index(rest[0])
        if len(rest) > 3 and rest[1] == "resolve":
            return self.hub(rest[0], "/".join(rest[3:]))
        if way == "redirect":
            left = int(rest[0])
            target = f"/redirect/{left - 1}/{rest[1]}" if left > 1 else f"/plain/{rest[1]}"
            return self.answer(302, b"", {"Location": target})
        if way == "flaky":
            FLAKY[self.path] = FLAKY.get(self.path, 0) + 1
            if FLAKY[self.path] <= int(rest[0]):
                return self.answer(503, b"busy", {})
        self.serve(way, int(rest[0]) if way in ("cut", "stall") else None, rest[-1])

    def answer(self, status, body, headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def index(self, project):
        wheels = [f for f in sorted(ROOT.glob("*.whl"))
                  if f.name.split("-")[0].replace("_", "-") == project]
        if not wheels:
            return self.answer(404, b"no such project", {})
        links = "".join(f'<a href="/plain/{f.name}">{f.name}</a>' for f in wheels)
        self.answer(200, f"<!DOCTYPE html><html><body>{links}</body></html>".encode(),
                    {"Content-Type": "text/html"})

    def hub(self, repository, name):
        headers = {"Location": f"/plain/{name}"}
        if not (ROOT / name).is_file():
            return self.answer(404, b"Entry not found", {})
        if repository != "unhashed":
            digest = hashlib.sha256((ROOT / name).read_bytes()).hexdigest()
            headers["X-Linked-ETag"] = '"%s"' % ("0" * 64 if repository == "lying" else digest)
        self.answer(302, b"", headers)

    def serve(self, way, limit, name):
        if not (ROOT / name).is_file():
            return self.answer(404, b"not here", {})
        content = (ROOT / name).read_bytes()
        if way == "wrong":
            content = bytes(255 - byte for byte in content)
        etag = '"%s"' % hashlib.md5(content).hexdigest()
        start = self.range_start(way, etag)
        if start is not None and start >= len(content):
            return self.answer(416, b"", {"Content-Range": f"bytes */{len(content)}"})
        self.send_response(200 if start is None else 206)
        body = content[start or 0:]
        if start is not None:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        if way != "noetag":
            self.send_header("ETag", etag)
        if way == "chunked":
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for at in range(0, len(body), 65536):
                piece = body[at:at + 65536]
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            return self.wfile.write(b"0\r\n\r\n")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:limit])
        if way == "stall":
            STOP.wait()
        if limit is not None:
            self.close_connection = True

    def range_start(self, way, etag):
        match = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if not match or way == "norange" or self.headers.get("If-Range", etag) != etag:
            return None
        return int(match.group(1))


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass  # a client that goes away is part of the tests


server = Server(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_address[1], flush=True)
sys.stdin.read()
STOP.set()
