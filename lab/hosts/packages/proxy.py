"""The lab's package proxy: the Debian mirror of the lab's hosts.

The lab's hosts cannot reach other networks. This process listens in the regions' network namespaces and fetches in the
machine's own. It serves a fixed list of upstreams:

    /debian/...            the machine's own Debian mirror
    /debian-security/...   the same for security updates, when the machine uses one
    /lab-apt/...           files of the lab's own apt repository

    proxy.py PORT CACHE REPOSITORY UPSTREAMS NAMESPACE...

UPSTREAMS is a JSON object that maps the first path segment to a base URL. CACHE keeps files that never change under their
name (packages and by-hash indices).
"""

import ctypes
import hashlib
import http.server
import json
import os
import shutil
import socket
import sys
import threading
import urllib.error
import urllib.parse
import urllib.request

CLONE_NEWNET = 0x40000000
UPSTREAM_TIMEOUT_S = 60
# Headers that pass between client and mirror.
REQUEST_HEADERS = ("If-Modified-Since", "If-None-Match", "Range", "If-Range", "Cache-Control", "Accept")
RESPONSE_HEADERS = ("Content-Length", "Content-Type", "Content-Range", "Last-Modified", "ETag")

libc = ctypes.CDLL(None, use_errno=True)


def enter_network(descriptor):
    if libc.setns(descriptor, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def never_changes(path):
    return path.endswith(".deb") or "/by-hash/" in path


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    cache = repository = ""
    upstreams = {}

    def do_GET(self):
        path = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path)
        if ".." in path.split("/"):
            return self.send_error(400)
        _, first, *rest = path.split("/", 2) + [""]
        if first == "lab-apt":
            return self.send_repository_file(rest[0])
        if first not in self.upstreams:
            return self.send_error(404, "The lab has no such path")
        url = self.upstreams[first] + "/" + urllib.parse.quote(rest[0])
        if not never_changes(path):
            return self.send_upstream(url, None)
        cached = os.path.join(self.cache, hashlib.sha256(url.encode()).hexdigest()[:24] + "_" + os.path.basename(path))
        if os.path.exists(cached):
            return self.send_file(cached)
        return self.send_upstream(url, cached)

    do_HEAD = do_GET

    def send_repository_file(self, name):
        file = os.path.realpath(os.path.join(self.repository, name))
        if not file.startswith(os.path.realpath(self.repository) + os.sep) or not os.path.isfile(file):
            return self.send_error(404, "The lab's repository has no such file")
        return self.send_file(file)

    def send_file(self, name):
        with open(name, "rb") as file:
            self.send_response(200)
            self.send_header("Content-Length", str(os.fstat(file.fileno()).st_size))
            self.end_headers()
            if self.command == "GET":
                shutil.copyfileobj(file, self.wfile)

    def send_upstream(self, url, keep_as):
        headers = {name: self.headers[name] for name in REQUEST_HEADERS if name in self.headers}
        request = urllib.request.Request(url, headers=headers, method=self.command)
        try:
            response = urllib.request.urlopen(request, timeout=UPSTREAM_TIMEOUT_S)
        except urllib.error.HTTPError as answer:
            response = answer  # 304, 404 and the like pass through.
        except OSError as error:
            return self.send_error(502, "The machine's mirror does not answer", str(error))
        with response:
            self.send_response(response.status)
            for name in RESPONSE_HEADERS:
                if response.headers[name] is not None:
                    self.send_header(name, response.headers[name])
            if response.headers["Content-Length"] is None and response.status not in (204, 304):
                self.send_header("Connection", "close")
            self.end_headers()
            if self.command == "GET" and response.status not in (204, 304):
                self.pass_on(response, keep_as if response.status == 200 else None)

    def pass_on(self, response, keep_as):
        """Sends the body and keeps a copy if it is complete. Concurrent requests each write their own copy."""
        if keep_as is None:
            return shutil.copyfileobj(response, self.wfile)
        partial = "%s.%d.%d" % (keep_as, os.getpid(), threading.get_ident())
        try:
            with open(partial, "wb") as file:
                while chunk := response.read(1 << 16):
                    self.wfile.write(chunk)
                    file.write(chunk)
            if os.path.getsize(partial) == int(response.headers["Content-Length"] or -1):
                os.replace(partial, keep_as)
        finally:
            if os.path.exists(partial):
                os.unlink(partial)

    def log_message(self, format, *args):
        print(self.client_address[0], format % args, flush=True)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64


def main():
    port, Handler.cache, Handler.repository, upstreams, *namespaces = sys.argv[1:]
    Handler.upstreams = json.loads(upstreams)
    socket.setdefaulttimeout(UPSTREAM_TIMEOUT_S)
    home = os.open("/proc/self/ns/net", os.O_RDONLY)
    servers = []
    for namespace in namespaces:
        descriptor = os.open(namespace, os.O_RDONLY)
        enter_network(descriptor)
        os.close(descriptor)
        servers.append(Server(("0.0.0.0", int(port)), Handler))  # A socket stays in the namespace it was made in.
        enter_network(home)
    for server in servers:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": None}).start()
    print("ready", flush=True)


main()
