"""A model hub on the loopback for the tests of the hub client.

    hub_server.py                prints two ports, of the hub and of its file store

Repositories are made up here and named for how they misbehave. `GET /__log` answers all requests
so far as JSON; the store answers 400 to any request that carries a token.
"""

import hashlib
import http.server
import json
import sys
import threading
import urllib.parse

COMMIT = "0123456789abcdef0123456789abcdef01234567"
LOG = []
COUNTS = {}
LOCK = threading.Lock()


def content(name, size):
    seed = hashlib.sha256(name.encode()).digest()
    return (seed * (size // len(seed) + 1))[:size]


SMALL = {
    "config.json": b'{"model_type": "llama"}\n',
    "tokenizer.json": b"{}\n",
    "tokenizer_config.json": b"{}",
    "README.md": b"# unwanted\n",
    "generation_config.json": b"",
    "additional_chat_templates/tool_use.jinja": "{{ 'ü' }}".encode(),
}
LARGE = {
    "model-00001-of-00002.safetensors": content("one", 700_001),
    "model-00002-of-00002.safetensors": content("two", 300_000),
    "consolidated.safetensors": content("c", 1000),
    "pytorch_model.bin": content("bin", 5000),
    "tiny-Q4_0.gguf": content("q4", 10_000),
    "tiny-Q8_0.gguf": content("q8", 20_000),
}


def git_name(data):
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def sibling(name, data):
    entry = {"rfilename": name, "size": len(data), "blobId": git_name(data)}
    if name in LARGE:
        entry["lfs"] = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
    return entry


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        address = urllib.parse.urlsplit(self.path)
        is_store = self.server.server_port == STORE.server_port
        if address.path == "/__log":
            with LOCK:
                return self.answer(200, json.dumps(LOG).encode())
        with LOCK:
            LOG.append({
                "method": self.command, "path": self.path, "store": is_store,
                "token": self.headers.get("Authorization"), "range": self.headers.get("Range"),
            })
            key = (address.path, is_store)
            COUNTS[key] = COUNTS.get(key, 0) + 1
            count = COUNTS[key]
        parts = [urllib.parse.unquote(part) for part in address.path.strip("/").split("/")]
        if is_store:
            return self.store(parts, count)
        if parts[:2] == ["api", "models"]:
            return self.listing(parts[2] + "/" + parts[3], parts[5], count)
        self.resolve(parts[0] + "/" + parts[1], "/".join(parts[4:]), count)

    def listing(self, repository, revision, count):
        if repository == "test/gated" and self.headers.get("Authorization") != "Bearer good":
            return self.answer(401, b"gated", {"X-Error-Code": "GatedRepo"})
        if repository == "test/terms":
            return self.answer(403, b"terms")
        if repository == "test/absent" or revision == "absent":
            return self.answer(404, b"no")
        if repository == "test/busy" and count <= 2:
            return self.answer(429 if count == 1 else 503, b"wait", {"Retry-After": "0"})
        if repository == "test/down":
            return self.answer(500, b"broken")
        if repository == "test/garbage":
            return self.answer(200, b"<html>")
        files = {**SMALL, **LARGE}
        siblings = [sibling(name, data) for name, data in files.items()]
        if repository == "test/plain":
            siblings = [{"rfilename": name} for name in files]
        if repository.startswith("test/evil") and repository[-1].isdigit():
            names = ["../../escape", "/etc/escape", "a/../b", "a\\..\\b", "a//b", ".", "a\u0000b",
                     "C:evil", "config.json"]
            name = names[int(repository[len("test/evil"):])]
            siblings.append({"rfilename": name, "size": 1, "blobId": git_name(b"x")})
        if repository == "test/eviltag":
            siblings[0]["blobId"] = "../../../escape"
        if repository == "test/evilcommit":
            return self.answer(200, json.dumps({"sha": "../../x", "siblings": []}).encode())
        if repository == "test/empty":
            siblings = [entry for entry in siblings if "json" in entry["rfilename"]]
        body = {"id": repository, "sha": COMMIT, "siblings": siblings}
        self.answer(200, json.dumps(body).encode())

    def resolve(self, repository, name, count):
        if name in LARGE:
            data = LARGE[name]
            tag = hashlib.sha256(data).hexdigest()
            if repository == "test/changed":
                tag = "f" * 64
            location = f"http://localhost:{STORE.server_port}/{repository}/{name}?sig=1"
            if repository == "test/near":
                location = f"/near/{repository.split('/')[1]}/resolve/x/{name}"
                return self.answer(307, b"", {"Location": location})
            if repository == "near/near":
                return self.send(data, {"ETag": f'"{tag}"'})
            if repository == "test/loop":
                return self.answer(302, b"", {"Location": self.path, "X-Linked-ETag": f'"{tag}"'})
            return self.answer(302, b"redirect", {
                "Location": location, "X-Linked-ETag": f'"{tag}"', "X-Linked-Size": str(len(data)),
                "X-Repo-Commit": COMMIT, "ETag": '"other"',
            })
        if name in SMALL:
            if repository == "test/busy" and count == 1:
                return self.answer(503, b"wait", {"Retry-After": "0"})
            data = SMALL[name]
            return self.send(data, {"ETag": f'W/"{git_name(data)}"'})
        self.answer(404, b"no such file")

    def store(self, parts, count):
        if self.headers.get("Authorization"):
            return self.answer(400, b"a token was sent to another host")
        repository, name = "/".join(parts[:2]), "/".join(parts[2:])
        data = LARGE[name]
        if repository == "test/damaged" and name.startswith("model-00002"):
            data = data[:1000] + b"!" + data[1001:]
        cut = None
        if repository == "test/cut" and count <= 2:
            cut = 100_000
        if repository == "test/reset":
            self.close_connection = True
            return self.connection.close()
        self.send(data, {"ETag": '"store"'}, cut, ranges=repository != "test/norange")

    def send(self, data, fields, cut=None, ranges=True):
        start = 0
        wanted = self.headers.get("Range")
        status = 200
        if wanted and ranges:
            start = int(wanted.removeprefix("bytes=").rstrip("-"))
            if start >= len(data):
                return self.answer(416, b"")
            status = 206
            fields = {**fields, "Content-Range": f"bytes {start}-{len(data) - 1}/{len(data)}"}
        self.answer(status, data[start:], fields, cut)

    def answer(self, status, body, fields={}, cut=None):
        self.send_response(status)
        for name, value in fields.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "HEAD":
            return
        self.wfile.write(body if cut is None else body[:cut])
        if cut is not None:
            self.wfile.flush()
            self.close_connection = True


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *arguments):
        pass


HUB = Server(("127.0.0.1", 0), Handler)
STORE = Server(("127.0.0.1", 0), Handler)


def main():
    threading.Thread(target=STORE.serve_forever, daemon=True).start()
    threading.Thread(target=HUB.serve_forever, daemon=True).start()
    print(HUB.server_port, STORE.server_port, flush=True)
    # The tests hold the other end; when they end, so does the server.
    sys.stdin.read()


if __name__ == "__main__":
    main()
