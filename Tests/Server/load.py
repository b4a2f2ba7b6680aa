"""Loads servers of OpenAI's interface, in turns when there are several, and says what they bear.

    load.py NAME=URL[,MODEL] … [--clients 64] [--seconds 60] [--rounds 1] [--tokens 48]
            [--answers] [--json]

Each client asks one question after another, streamed, from a seeded list. Told are tokens per
second, the time to the first token (median, 99th percentile), refusals (429, after which a client
waits as told) and errors. With --answers every greedy answer is compared with the same request
alone. Exits with 1 when there are errors or other answers.
"""

import argparse
import asyncio
import json
import random
import statistics
import sys
import time
import urllib.parse

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("servers", nargs="+")
parser.add_argument("--clients", type=int, default=64)
parser.add_argument("--seconds", type=float, default=60)
parser.add_argument("--rounds", type=int, default=1)
parser.add_argument("--tokens", type=int, default=48)
parser.add_argument("--questions", type=int, default=48)
parser.add_argument("--answers", action="store_true")
parser.add_argument("--json", action="store_true")
options = parser.parse_args()

things = ["cats", "the sea", "bread", "winter", "a bridge", "music", "rain", "gold", "a garden",
          "the moon", "paper", "an old clock"]
asks = ["Tell me about {}.", "Why do people like {}?", "Write a short poem about {} and {}.",
        "What is the difference between {} and {}? Answer in detail, please, with examples.",
        "List three facts about {}."]
draw = random.Random(3)
questions = []
while len(questions) < options.questions:
    ask = draw.choice(asks)
    question = ask.format(*draw.sample(things, ask.count("{}")))
    if question not in questions:
        questions.append(question)


class Server:
    def __init__(self, text):
        self.name, rest = text.split("=", 1)
        url, _, self.model = rest.partition(",")
        parts = urllib.parse.urlsplit(url)
        self.host, self.port = parts.hostname, parts.port

    async def ask(self, question):
        """Status, text, tokens, seconds to the first token, seconds to come again after."""
        body = json.dumps({
            "model": self.model, "messages": [{"role": "user", "content": question}],
            "max_tokens": options.tokens, "temperature": 0, "stream": True,
            "stream_options": {"include_usage": True}}).encode()
        start = time.monotonic()
        reader, writer = await asyncio.open_connection(self.host, self.port)
        try:
            writer.write(
                f"POST /v1/chat/completions HTTP/1.1\r\nHost: {self.host}:{self.port}\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
                "Connection: close\r\n\r\n".encode() + body)
            status = int((await reader.readline()).split()[1])
            retry = 1
            while (line := await reader.readline()) not in (b"\r\n", b""):
                name, _, value = line.partition(b":")
                if name.lower() == b"retry-after":
                    retry = int(value)
            text, tokens, first = "", 0, None
            async for line in reader:
                if not line.startswith(b"data: {"):
                    continue
                event = json.loads(line[6:])
                if "error" in event:
                    return 500, event["error"]["message"], 0, None, 0
                for choice in event["choices"]:
                    piece = choice["delta"].get("content")
                    if piece:
                        first = first or time.monotonic() - start
                        text += piece
                if event.get("usage"):
                    tokens = event["usage"]["completion_tokens"]
            return status, text, tokens, first, retry
        finally:
            writer.close()


async def load(server, expected, clients, seconds):
    end = time.monotonic() + seconds
    result = {"tokens": 0, "answers": 0, "refused": 0, "errors": 0, "different": 0, "first": []}

    async def client(index):
        draw = random.Random(index)
        while time.monotonic() < end:
            question = draw.choice(questions)
            try:
                status, text, tokens, first, retry = await server.ask(question)
            except (OSError, ValueError, IndexError):
                status = 0
            if status == 429:
                result["refused"] += 1
                await asyncio.sleep(retry)
            elif status != 200:
                result["errors"] += 1
            else:
                result["answers"] += 1
                result["tokens"] += tokens
                if first is not None:
                    result["first"].append(first)
                if question in expected and text != expected[question]:
                    result["different"] += 1

    start = time.monotonic()
    await asyncio.gather(*(client(index) for index in range(clients)))
    result["seconds"] = time.monotonic() - start
    result["tokens_per_second"] = result["tokens"] / result["seconds"]
    first = sorted(result.pop("first")) or [float("nan")]
    result["first_median"] = statistics.median(first)
    result["first_p99"] = first[min(len(first) - 1, int(0.99 * len(first)))]
    return result


async def main():
    servers = [Server(text) for text in options.servers]
    expected = {}
    for server in servers:
        expected[server.name] = {}
        if options.answers:
            for question in questions:
                expected[server.name][question] = (await server.ask(question))[1]
    failed = False
    results = []
    for round in range(options.rounds):
        for server in servers:
            for clients in (1, options.clients):
                seconds = options.seconds if clients > 1 else min(options.seconds, 15)
                result = await load(server, expected[server.name], clients, seconds)
                result.update(server=server.name, clients=clients, round=round)
                results.append(result)
                failed |= result["errors"] > 0 or result["different"] > 0
                if not options.json:
                    print("{server:12} {clients:3} clients: {tokens_per_second:7.1f} tokens/s, first "
                          "token {first_median:.3f} s, p99 {first_p99:.3f} s; {answers} answers, "
                          "{refused} refused, {errors} errors, {different} different".format(
                              **result), flush=True)
    if options.json:
        print(json.dumps(results))
    elif len(servers) > 1:
        def middle(name, key):
            return statistics.median(
                result[key] for result in results
                if result["server"] == name and result["clients"] > 1)
        one, other = servers[0].name, servers[1].name
        for key in ("tokens_per_second", "first_p99"):
            print(f"{key} of {one} / {other}: {middle(one, key) / middle(other, key):.2f}")
    sys.exit(1 if failed else 0)


asyncio.run(main())
