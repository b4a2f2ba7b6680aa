"""The chat: sending, streaming, stopping, editing, errors, hostile text."""

import json
import re
import time

from playwright.sync_api import expect

from driver import (
    active, answered, exchange, number, piece, put_answer, ready, room, say, settings, take_away)
from scripts import FOLLOW_GROWTH, STOP_AT_FIRST_TEXT


def it_sends_and_streams(browser):
    page = browser.open()
    ready(page)
    page.evaluate(FOLLOW_GROWTH)
    most = room(browser, 200)
    found = exchange(page, "Tell me a story.", max_tokens=most)
    states = page.evaluate("growth")
    expect(page.locator(".question .said")).to_have_text("Tell me a story.")
    speed = page.locator(".answer .speed").inner_text()
    wanted = r"([\d,]+)\stokens?( · ([\d.,]+)\stokens/s)? · first\safter\s[\d.]+\ss"
    told = re.fullmatch(wanted, speed)
    assert told, speed
    # A small model writes a short answer between two frames of the screen.
    if told[3] and number(told[1]) / number(told[3]) > 0.25:
        assert len(states) >= 2, f"the answer came in one piece: {states}"
        # It may lose marks of markdown on the way, as what they mean is seen.
        assert states[-1] > states[0], f"the answer did not grow: {states}"
    assert page.evaluate("document.activeElement.id") == "message"

    page.get_by_role("button", name="Copy").last.click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()").strip()

    page.reload()
    ready(page)
    assert page.locator(".answer .said").inner_text() == found, "the conversation was not kept"
    assert page.input_value("#max-tokens") == str(most), "the settings were not kept"
    page.click("#new-conversation")
    expect(page.locator(".turn")).to_have_count(0)
    expect(page.locator("#chat-empty")).to_be_visible()


def it_sends_what_the_settings_say(browser):
    page = browser.open()
    ready(page)
    settings(page, temperature=0.5, top_p=0.9, max_tokens=5, seed=3)
    if page.locator("#system").is_enabled():
        settings(page, system="Be brief.")
    with page.expect_request(lambda request: request.method == "POST") as sent:
        say(page, "Hello.")
    body = sent.value.post_data_json
    wanted = {"temperature": 0.5, "top_p": 0.9, "max_tokens": 5, "seed": 3, "stream": True}
    assert {name: body.get(name) for name in wanted} == wanted, body
    if "messages" in body:
        assert [message["role"] for message in body["messages"]] == ["system", "user"], body
    answered(page)
    expect(page.locator(".answer .error")).to_have_count(0)

    settings(page, temperature=9)
    say(page, "Hello again.")
    expect(page.locator("#settings")).to_be_visible()
    expect(page.locator(".question")).to_have_count(1)
    assert page.evaluate("document.activeElement.id") == "temperature"


def it_stops(browser):
    page = browser.open()
    ready(page)
    for attempt in range(8):
        settings(page, max_tokens=room(browser, 4000), temperature=1, seed=attempt)
        page.evaluate(STOP_AT_FIRST_TEXT)
        say(page, "Write a very long story.")
        answered(page)
        if page.locator(".answer .ending", has_text="Stopped.").count():
            break
        page.click("#new-conversation")
    else:
        raise AssertionError("eight answers ended before they could be stopped")
    text = page.locator(".answer .said").inner_text()
    deadline = time.monotonic() + 5
    while active(browser) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert active(browser) == 0, "the server goes on with an answer that was stopped"
    assert page.locator(".answer .said").inner_text() == text, "text came after the stop"
    assert text.strip(), "what had come was lost"
    # And it can go on from there.
    settings(page, max_tokens=8)
    say(page, "Go on.")
    answered(page)
    expect(page.locator(".turn")).to_have_count(4)
    expect(page.locator(".answer .error")).to_have_count(0)


def it_edits(browser):
    page = browser.open()
    ready(page)
    exchange(page, "First question.")
    say(page, "Second question.")
    answered(page)
    expect(page.locator(".turn")).to_have_count(4)
    first = page.locator(".question").first
    first.get_by_role("button", name="Edit").click()
    editor = page.get_by_label("Edit the message")
    expect(editor).to_be_focused()
    expect(editor).to_have_value("First question.")
    editor.press("Escape")
    expect(first.get_by_role("button", name="Edit")).to_be_focused()

    first.get_by_role("button", name="Edit").click()
    editor.fill("A better question.")
    with page.expect_request(lambda request: request.method == "POST") as sent:
        page.get_by_role("button", name="Run again").click()
    body = sent.value.post_data_json
    said = body["messages"][-1]["content"] if "messages" in body else body["prompt"]
    assert said == "A better question.", body
    answered(page)
    assert page.locator(".question .said").all_inner_texts() == ["A better question."]
    expect(page.locator(".turn")).to_have_count(2)


def it_regenerates(browser):
    page = browser.open()
    ready(page)
    found = exchange(page, "Say something.", temperature=0.8)
    with page.expect_request(lambda request: request.method == "POST"):
        page.get_by_role("button", name="Regenerate").click()
    again = answered(page)
    expect(page.locator(".turn")).to_have_count(2)
    assert again == found, f"one seed gave two answers: {found!r}, {again!r}"


def it_shows_errors_where_they_happen(browser):
    page = browser.open()
    ready(page)
    # The browser itself notes a status that is an error.
    browser.expected = ["status of 429", "status of 500"]
    put_answer(page, status=429, headers={"Retry-After": "2"}, body=json.dumps(
        {"error": {"message": "Too many requests wait.", "type": "rate_limit_error"}}))
    settings(page, max_tokens=8)
    say(page, "Hello?")
    trouble = page.locator(".answer .error")
    expect(trouble).to_contain_text("Too many requests wait. Try again in 2 seconds.")
    take_away(page)
    put_answer(page, piece("Half an "), {"error": {"message": "The model broke."}})
    trouble.get_by_role("button", name="Try again").click()
    expect(trouble).to_contain_text("The model broke.")
    expect(page.locator(".answer .said")).to_contain_text("Half an")
    take_away(page)
    put_answer(page, piece("Cut"))
    trouble.get_by_role("button", name="Try again").click()
    expect(trouble).to_contain_text("closed the connection")
    take_away(page)
    trouble.get_by_role("button", name="Try again").click()
    answered(page)
    expect(trouble).to_have_count(0)
    expect(page.locator(".turn")).to_have_count(2)


HOSTILE = """# Title <img src=x onerror="alert(1)">
<script>alert(1)</script> ![look](https://elsewhere.example/a.png)
[press](javascript:alert(1)) [here](/v1/models) [there](https://elsewhere.example/?a=1)

- one **bold *and* leaning**
  - two `code <b>`

| a | b |
|---|--:|
| 1 | 2 |

```html
<iframe src="https://elsewhere.example"></iframe>
```
"""


def it_draws_text_and_nothing_else(browser):
    page = browser.open()
    ready(page)
    # In pieces of three characters, so that every state between is drawn too.
    pieces = [piece(HOSTILE[at:at + 3]) for at in range(0, len(HOSTILE), 3)]
    put_answer(page, *pieces, piece("", "stop"), "[DONE]")
    say(page, "<b>Hello</b>")
    answered(page)
    body = page.locator(".answer .said")
    expect(page.locator(".question .said")).to_have_text("<b>Hello</b>")
    expect(page.locator(".turn").locator("img, script, iframe, b, svg, style")).to_have_count(0)
    links = body.locator("a").evaluate_all("all => all.map(a => [a.href, a.rel, a.textContent])")
    assert [link[0] for link in links] == [
        "https://elsewhere.example/a.png", "https://elsewhere.example/?a=1"], links
    assert all("noopener" in link[1] for link in links), links
    expect(body.locator("h3")).to_have_text('Title <img src=x onerror="alert(1)">')
    expect(body.locator("li li code")).to_have_text("code <b>")
    expect(body.locator("strong em")).to_have_text("and")
    assert body.locator("td").all_text_contents() == ["1", "2"]
    expect(body.locator("pre")).to_contain_text("<iframe")
