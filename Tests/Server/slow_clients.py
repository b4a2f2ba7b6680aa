"""Is slow on purpose: a server has to let go of who does not send, or does not take.

    slow_clients.py URL MODEL PATIENCE

PATIENCE is the server's, in seconds. Exits with 1 when a slow client is kept.
"""

import json
import socket
import sys
import threading
import time
import urllib.parse

url, model, patience = sys.argv[1], sys.argv[2], float(sys.argv[3])
address = urllib.parse.urlsplit(url)
place = (address.hostname, address.port)
failures = []


def request(body):
    body = json.dumps(body).encode()
    return (f"POST /v1/completions HTTP/1.1\r\nHost: localhost:{address.port}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n").encode() + body


def trickle(link, data, most):
    """Sends a byte now and then, until the server closes; whether it did, and what it said."""
    link.settimeout(0.2)
    end = time.monotonic() + most
    answer = b""
    position = 0
    while time.monotonic() < end:
        try:
            if position < len(data):
                link.sendall(data[position:position + 1])
                position += 1
            piece = link.recv(4096)
            if not piece:
                return True, answer
            answer += piece
        except TimeoutError:
            continue
        except OSError:
            return True, answer
    return False, answer


def slow_head():
    with socket.create_connection(place) as link:
        closed, _ = trickle(link, b"GET /" + b"a" * 10_000, 2 * patience + 5)
        assert closed, "a head that never ends is waited for"


def slow_body():
    whole = request({"model": model, "prompt": "x" * 10_000})
    head = whole.index(b"\r\n\r\n") + 20
    with socket.create_connection(place) as link:
        link.sendall(whole[:head])
        closed, answer = trickle(link, whole[head:], patience + 5)
        assert b" 408 " in answer[:20], answer[:200]
        assert closed, "the connection of a slow body stays open"


def takes_nothing():
    with socket.socket() as link:
        link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        link.connect(place)
        # The system holds some megabytes for a client; this is more, one answer after another.
        link.sendall(12 * request({"model": model, "prompt": "The", "max_tokens": 200, "n": 16,
                                   "temperature": 1, "seed": 1, "stream": True,
                                   "logit_bias": {"0": -100}, "logprobs": 5}))
        time.sleep(patience + 8)
        link.settimeout(5)
        answer = b""
        try:
            while piece := link.recv(65536):
                answer += piece
        except ConnectionError:
            pass
        count = answer.count(b"[DONE]")
        assert count < 12, f"answers that are not taken are kept ({len(answer)} bytes)"


def run(check):
    try:
        check()
        print("ok    ", check.__name__.replace("_", " "), flush=True)
    except Exception as error:  # Each check is told of, however it failed.
        failures.append(error)
        print("FAILED", check.__name__.replace("_", " "), repr(error), flush=True)


threads = [threading.Thread(target=run, args=(check,))
           for check in (slow_head, slow_body, takes_nothing)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
sys.exit(1 if failures else 0)
