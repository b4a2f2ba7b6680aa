"""Sends a server what it should survive: broken, huge, slow and rude requests, seeded.

    hostile_requests.py URL MODEL [--count 5000] [--seed 1]

After every request the next good one has to be answered, with the same text as at the start, and
at the end the server's memory may not have grown without bound. Exits with 1 otherwise.
"""

import argparse
import json
import random
import socket
import sys
import time
import urllib.parse
import urllib.request

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("url")
parser.add_argument("model")
parser.add_argument("--count", type=int, default=5000)
parser.add_argument("--seed", type=int, default=1)
options = parser.parse_args()
random = random.Random(options.seed)
address = urllib.parse.urlsplit(options.url)
place = (address.hostname, address.port)


def good():
    """The text of a good request."""
    body = json.dumps({"model": options.model, "prompt": "Once", "max_tokens": 3,
                       "temperature": 0}).encode()
    request = urllib.request.Request(
        options.url + "/v1/completions", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as response:
        return json.load(response)["choices"][0]["text"]


def status():
    with urllib.request.urlopen(options.url + "/v1/halftone/status", timeout=60) as response:
        return json.load(response)


def send(data, wait=2.0, cut=None, slow=False):
    """Sends bytes and reads what comes; the status of the answer, or None."""
    with socket.create_connection(place, timeout=wait) as link:
        try:
            if slow:
                for start in range(0, len(data), max(1, len(data) // 5)):
                    link.sendall(data[start:start + max(1, len(data) // 5)])
                    time.sleep(0.002)
            else:
                link.sendall(data if cut is None else data[:cut])
            if cut is not None:
                return None
            link.settimeout(wait)
            answer = b""
            while b"\r\n" not in answer:
                piece = link.recv(4096)
                if not piece:
                    return None
                answer += piece
            return int(answer.split(b" ")[1])
        except (OSError, IndexError, ValueError):
            return None


def post(body, path="/v1/chat/completions", headers=()):
    if isinstance(body, str):
        body = body.encode("utf-8", "surrogatepass")
    lines = [f"POST {path} HTTP/1.1", f"Host: localhost:{address.port}", "Connection: close",
             "Content-Type: application/json", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def chat(**members):
    body = {"model": options.model, "messages": [{"role": "user", "content": "Hi"}],
            "max_tokens": 4, **members}
    return json.dumps(body)


def nested():
    depth = random.choice([65, 500, 10_000, 100_000])
    opening, closing = random.choice([("[", "]"), ('{"a":', "}")])
    middle = opening * depth + random.choice(["", "1"]) + closing * random.choice([depth, 0])
    return post('{"model":"%s","messages":%s}' % (options.model, middle))


def numbers():
    value = random.choice(["1e400", "-1e400", "9" * 400, "1" + "0" * 50_000, "0x10", "NaN", "-",
                           "1e-400", "9223372036854775808", "1.5", "-1", "01", "1e3"])
    name = random.choice(["max_tokens", "temperature", "top_p", "n", "seed", "top_logprobs",
                          "presence_penalty", "top_k", "min_p"])
    return post('{"model":"%s","messages":[{"role":"user","content":"x"}],"logprobs":true,"%s":%s}'
                % (options.model, name, value))


def broken_text():
    bytes_ = bytearray(chat().encode())
    for _ in range(random.randint(1, 8)):
        bytes_[random.randrange(len(bytes_))] = random.randrange(256)
    return post(bytes(bytes_))


def surrogates():
    return post('{"model":"%s","messages":[{"role":"user","content":"%s"}]}' % (
        options.model, random.choice(["\\ud800", "\\udc00\\ud800", "\\u0000" * 50, "\\x", "\ud800"])))


def wrong_types():
    junk = random.choice([None, True, 0, -1, 1e308, "", "x" * 1000, [], [[]], {}, {"a": []}])
    name = random.choice(["messages", "model", "tools", "tool_choice", "response_format", "stop",
                          "stream", "stream_options", "logit_bias", "n", "chat_template_kwargs",
                          "max_tokens", "seed", "logprobs", "top_logprobs"])
    return post(chat(**{name: junk}))


def wrong_messages():
    junk = random.choice([1, "x", None, [], {"role": "user"}, {"role": 1, "content": "x"},
                          {"role": "user", "content": [{"type": "image_url"}]},
                          {"role": "assistant", "tool_calls": [{}]},
                          {"role": "user", "content": {"text": "x"}},
                          {"role": "tool", "content": "x" * 5000}])
    return post(chat(messages=[junk] * random.choice([1, 3, 2000])))


def schemas():
    leaf = random.choice([{"type": "string"}, {"enum": list(range(500))}, {}, {"not": {}}, True])
    kind = random.randrange(8)
    if kind == 0:
        schema = {"$ref": "#"}
    elif kind == 1:
        schema = {"$defs": {"a": {"anyOf": [{"$ref": "#/$defs/b"}, {"$ref": "#/$defs/a"}]},
                            "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"}
    elif kind == 2:
        schema = leaf
        for _ in range(random.choice([5, 40])):
            schema = {"type": "object", "properties": {"a": schema}, "required": ["a"]}
    elif kind == 3:
        schema = {"type": "string", "pattern": random.choice(
            ["(" * 200, "(a*)*b", "a{1,4000}{1,4000}", "[", "\\", "(a|b|ab){1,500}$", "a{999999}",
             "(?=x)", "^(" + "a?" * 200 + ")" + "a" * 200 + "$", "x" * 5000, "[z-a]", "(.*){9}y"])}
    elif kind == 4:
        schema = {"type": "array", "items": leaf, "minItems": random.choice([0, 4096, 10 ** 9])}
    elif kind == 5:
        schema = {"anyOf": [{"type": "string", "maxLength": 4000 - i} for i in range(60)]}
    elif kind == 6:
        schema = {"type": "object", "properties": {f"p{i}": leaf for i in range(3000)}}
    else:
        schema = {"anyOf": [{"$ref": "#/anyOf/1"}, {"type": "array", "items": {"$ref": "#"}}]}
    return post(chat(response_format={"type": "json_schema",
                                      "json_schema": {"name": "x", "schema": schema}}))


def long_texts():
    return post(random.choice([
        chat(messages=[{"role": "user", "content": "a" * random.choice([10_000, 300_000])}]),
        chat(stop=["x" * 2000]), chat(stop=["x"] * 100), chat(model="m" * 100_000),
        json.dumps({"model": options.model, "prompt": [1] * 100_000}),
        json.dumps({"model": options.model, "input": ["x"] * 5000})]),
        random.choice(["/v1/chat/completions", "/v1/completions", "/v1/embeddings"]))


def too_large():
    length = random.choice([5 << 20, 1 << 40, 1 << 70, -1])
    return (f"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n"
            .encode() + b"x" * 1000)


def headers():
    return random.choice([
        post(chat(), headers=["X-A: " + "a" * 100_000]),
        post(chat(), headers=[f"X-{i}: b" for i in range(500)]),
        post(chat(), headers=["Transfer-Encoding: chunked"]),
        post(chat(), headers=["Content-Length: 3"]),
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"\r\n" * 1000,
        bytes(random.randrange(256) for _ in range(300)), b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"ffffffffffffffff\r\nx\r\n"])


def paths():
    path = random.choice(["/v1/models/" + "%00" * 50, "/page/..%2f..%2fetc%2fpasswd",
                          "/page/%2e%2e/x", "/v1/models/%ff%fe", "//////", "/v1/halftone/models/x/"
                          "matrices/" + "y" * 9000, "/v1/chat/completions?" + "a=b&" * 3000])
    method = random.choice(["GET", "POST", "DELETE", "OPTIONS", "PUT", "WHAT"])
    return f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()


kinds = [nested, numbers, broken_text, surrogates, wrong_types, wrong_messages, schemas, long_texts,
         too_large, headers, paths]
expected = good()
for _ in range(20):
    good()
before = status()["resident_bytes"] or 0
counts = {}
start = time.monotonic()
for index in range(options.count):
    kind = random.choice(kinds)
    data = kind()
    # Some of these are no whole request: a server may well wait for the rest.
    patience = 0.5 if kind in (headers, too_large, paths) else 20
    way = random.random()
    if way < 0.1:
        # The client goes in the middle of its request.
        result = send(data, cut=random.randrange(len(data)))
    elif way < 0.15:
        # The client goes in the middle of its answer.
        request = post(chat(stream=True, max_tokens=200))
        with socket.create_connection(place, timeout=5) as link:
            link.sendall(request)
            link.recv(random.choice([1, 200, 2000]))
        result = "left"
    elif way < 0.2:
        result = send(data, slow=True, wait=patience)
    else:
        result = send(data, wait=patience)
    counts[(kind.__name__, result)] = counts.get((kind.__name__, result), 0) + 1
    if isinstance(result, int) and result >= 500 and result != 501:
        sys.exit(f"{kind.__name__} was answered with {result}: {data[:300]!r}")
    if index % 10 == 0 or result is None:
        text = good()
        if text != expected:
            sys.exit(f"after {kind.__name__} a good request gave {text!r}, not {expected!r}")
end = time.monotonic() + 30
while any(model["active"] or model["waiting"] for model in status()["models"]):
    if time.monotonic() > end:
        sys.exit("requests are still being answered whose clients have left")
    time.sleep(0.1)
after = status()["resident_bytes"] or 0
for (name, result), count in sorted(counts.items(), key=str):
    print(f"{name:15} {result!s:5} {count}")
print(f"{options.count} requests in {time.monotonic() - start:.0f} s; resident "
      f"{before / 1e6:.0f} MB before, {after / 1e6:.0f} MB after")
# Caches may fill to their bounds; what is lost per request would be far more after thousands.
if after - before > 400e6:
    sys.exit("the server's memory has grown")
