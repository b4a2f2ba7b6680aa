"""A browser that is watched, and what the checks of the page do with it again and again."""

import json
import re
import urllib.parse
import urllib.request

from playwright.sync_api import expect

CHAT = "**/v1/chat/completions"
TEXT = "**/v1/completions"
# Milliseconds; what is awaited of a server on a busy machine.
PATIENCE = 60_000
expect.set_options(timeout=PATIENCE)


class Browser:
    """Opens pages and keeps what went wrong in them."""

    def __init__(self, browser, url, folder):
        self.browser, self.url, self.folder = browser, url, folder
        self.faults = []
        self.expected = []

    def open(self, theme="light", width=1280, address="", before=None):
        context = self.browser.new_context(
            viewport={"width": width, "height": 800}, color_scheme=theme,
            permissions=["clipboard-read", "clipboard-write"])
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("console", self.heard)
        page.on("pageerror", lambda error: self.faults.append(f"exception: {error}"))
        page.on("request", self.asked)
        if before:
            before(page)
        page.goto(self.url + address)
        return page

    def heard(self, message):
        if message.type in ("error", "warning"):
            if not any(part in message.text for part in self.expected):
                self.faults.append(f"console: {message.text} ({message.location.get('url')})")

    def asked(self, request):
        address = urllib.parse.urlsplit(request.url)
        if address.scheme not in ("data", "blob") and not request.url.startswith(self.url):
            self.faults.append(f"a request to another place: {request.url}")

    def get(self, path):
        with urllib.request.urlopen(self.url + path) as response:
            return json.load(response)

    def shot(self, page, name):
        """A picture of a whole page, in a window as high as it, so that what sticks is in place."""
        width = page.viewport_size["width"]
        height = page.evaluate("document.documentElement.scrollHeight")
        page.set_viewport_size({"width": width, "height": max(800, height)})
        page.evaluate("scrollTo(0, 0)")
        page.screenshot(path=self.folder / f"{name}.png")
        page.set_viewport_size({"width": width, "height": 800})


def ready(page):
    """Waits until the models are known."""
    expect(page.locator("#chat-model option")).not_to_have_count(0)


def settings(page, **values):
    """Fills in settings of the chat: temperature, top_p, max_tokens, seed, system."""
    if page.locator("#settings").is_hidden():
        page.click("#settings-button")
    for name, value in values.items():
        page.fill("#" + name.replace("_", "-"), str(value))
    page.click("#settings-button")


def say(page, text):
    page.fill("#message", text)
    page.press("#message", "Enter")


def answered(page):
    """Waits for the last answer to end, and returns its text."""
    expect(page.locator("#stop")).to_be_hidden()
    expect(page.locator("[aria-busy]")).to_have_count(0)
    return page.locator(".answer .said").last.inner_text()


def exchange(page, text, **values):
    """Sends a text and waits for an answer that is not empty."""
    for seed in range(3):
        settings(page, **{"max_tokens": 48, "seed": seed, **values})
        say(page, text)
        found = answered(page)
        if found.strip():
            return found
        page.click("#new-conversation")
    raise AssertionError("three answers were empty; the model must write something")


def put_answer(page, *events, status=200, headers=None, body=None):
    """Puts a made up answer in place of the server's, until `page.unroute` takes it away."""
    text = body or "".join(
        f"data: {event if isinstance(event, str) else json.dumps(event)}\n\n" for event in events)
    kind = "application/json" if body else "text/event-stream"
    for path in (CHAT, TEXT):
        page.route(path, lambda route: route.fulfill(
            status=status, body=text, headers={"Content-Type": kind, **(headers or {})}))


def take_away(page):
    for path in (CHAT, TEXT):
        page.unroute(path)


def piece(text, finish=None):
    """A piece of an answer, in the shape of both routes."""
    return {"choices": [
        {"index": 0, "delta": {"content": text}, "text": text, "finish_reason": finish}]}


def room(browser, most):
    """A number of tokens that fits into half of the context of the model that is chosen first."""
    return min(most, browser.get("/v1/models")["data"][0]["halftone"]["context_length"] // 2)


def active(browser):
    """How many answers the server is making."""
    return sum(model["active"] for model in browser.get("/v1/halftone/status")["models"])


def most_packed(browser):
    """The model with the most to show: that with stored sizes, else with the fewest bits."""
    models = browser.get("/v1/models")["data"]
    return min(models, key=lambda model: (
        -len(model["halftone"]["variants"]), model["halftone"]["bits_per_weight"]))["id"]


def number(text):
    """What a number of the page is: `0.025`, `3.2·10⁻⁷`."""
    text = text.replace("−", "-").replace(",", "")
    power = re.fullmatch(r"(-?)(?:([\d.]+)·)?10⁻(\D+)", text)
    if not power:
        return float(text)
    exponent = power[3].translate(str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789"))
    return float(f"{power[1]}{power[2] or 1}e-{exponent}")
