"""The other views and what all share: models, comparison, speed, the key."""

import json
import re
import urllib.parse
import urllib.request

from playwright.sync_api import expect

from driver import most_packed, number, ready


def it_is_served_with_a_strict_policy(browser):
    for path in ("/", "/page/app.js", "/page/page.css"):
        with urllib.request.urlopen(browser.url + path) as response:
            policy = response.headers.get("Content-Security-Policy") or ""
        assert "default-src 'none'" in policy, f"{path} has the policy {policy!r}"
        assert "unsafe" not in policy, f"{path} has the policy {policy!r}"


def it_offers_the_models(browser):
    page = browser.open()
    ready(page)
    offered = [model["id"] for model in browser.get("/v1/models")["data"]]
    for picker in ("#chat-model", "#shown-model", "#reference-model", "#compressed-model"):
        assert page.locator(picker + " option").all_text_contents() == offered, picker
    first = browser.get("/v1/models")["data"][0]["halftone"]
    expect(page.locator("#chat-facts")).to_contain_text(f"{first['bits_per_weight']:.2f} bits")


def it_asks_for_the_key(browser):
    browser.expected = ["status of 401"]

    def guard(page):
        def answer(route):
            if route.request.headers.get("authorization") == "Bearer right":
                route.continue_()
            else:
                route.fulfill(status=401, content_type="application/json", body=json.dumps(
                    {"error": {"message": "No key.", "type": "authentication_error"}}))
        page.route("**/v1/**", answer)

    page = browser.open(before=guard)
    dialog = page.get_by_role("dialog", name="API key")
    expect(dialog).to_be_visible()
    page.get_by_label("Key", exact=True).fill("wrong")
    page.keyboard.press("Enter")
    expect(dialog).to_contain_text("does not know this key")
    page.get_by_label("Key", exact=True).fill("right")
    page.keyboard.press("Enter")
    ready(page)
    expect(dialog).to_be_hidden()
    page.reload()
    ready(page)
    expect(dialog).to_be_hidden()

    page = browser.open(before=guard)
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("alert")).to_contain_text("No key.")
    expect(page.get_by_role("button", name="Try again")).to_be_visible()


def it_shows_a_model(browser):
    name = most_packed(browser)
    model = browser.get(f"/v1/halftone/models/{urllib.parse.quote(name, safe='')}")
    page = browser.open(address="/#model")
    ready(page)
    page.select_option("#shown-model", name)
    expect(page.locator(".figures").first).to_contain_text(f"{model['bits_per_weight']:.2f}")
    kinds = [kind["kind"] for kind in model["bytes_by_kind"] if kind["bytes"]]
    expect(page.locator(".parts span")).to_have_count(len(kinds))

    # The heat map: a cell for each layer and role, with its value for pointer, keyboard, reader.
    inside = [matrix for matrix in model["matrices"] if matrix["layer"] is not None]
    known = page.locator(".cell:not(.unknown)")
    expect(known).to_have_count(len({(matrix["layer"], matrix["role"]) for matrix in inside}))
    roles = list(dict.fromkeys(matrix["role"] for matrix in inside))
    assert page.get_by_role("rowheader").all_text_contents()[:len(roles)] == roles
    matrix = inside[-1]
    label = f"{matrix['role']}, layer {matrix['layer']}: {matrix['bits_per_weight']:.2f} bits"
    cell = page.locator(f".cell[aria-label^='{label}']")
    cell.hover()
    expect(page.locator(".readout").first).to_contain_text(label)
    cell.click()
    panel = page.locator(".distribution")
    expect(panel.locator("h4")).to_have_text(matrix["name"])
    expect(panel.locator("rect")).to_have_count(64)

    # By keyboard: the grid is one stop of Tab, arrows move within it.
    grid = page.get_by_role("grid")
    expect(grid.locator("[tabindex='0']")).to_have_count(1)
    grid.locator("[tabindex='0']").focus()
    page.keyboard.press("Home")
    page.keyboard.press("PageUp")
    first = page.evaluate("document.activeElement.getAttribute('aria-label')")
    assert first.startswith(f"{roles[0]}, layer 0:"), first
    if len(roles) > 1:
        page.keyboard.press("ArrowDown")
        below = page.evaluate("document.activeElement.getAttribute('aria-label')")
        assert below.startswith(f"{roles[1]}, layer 0"), below
    page.keyboard.press("Enter")
    expect(panel.locator("h4")).not_to_have_text(matrix["name"])
    expect(panel.locator("rect")).to_have_count(64)

    page.locator("summary").first.click()
    rows = page.locator("details").first.locator("tbody tr")
    expect(rows).to_have_count(len(model["matrices"]))
    rows.get_by_role("button", name=matrix["name"], exact=True).click()
    expect(panel.locator("h4")).to_have_text(matrix["name"])

    damages = [matrix["damage"] for matrix in inside if matrix["damage"]]
    expect(page.locator(".choice")).to_have_count(1 if damages else 0)
    if damages:
        page.get_by_text("Expected damage", exact=True).click()
        expect(page.locator(".cell").first).to_have_attribute(
            "aria-label", re.compile("nats|unknown"))
    points = [point for point in model["frontier"] if point["divergence"] > 0]
    expect(page.locator(".frontier .dot")).to_have_count(len(points))
    if points:
        page.locator(".frontier .dot").first.focus()
        page.keyboard.press("End")
        largest = max(points, key=lambda point: point["bytes"])
        expect(page.locator(".readout").last).to_contain_text(largest["name"])


def it_switches_stored_sizes(browser):
    name = most_packed(browser)
    path = f"/v1/halftone/models/{urllib.parse.quote(name, safe='')}"
    model = browser.get(path)
    page = browser.open(address="/#model")
    ready(page)
    page.select_option("#shown-model", name)
    expect(page.locator(".figures").first).to_be_visible()
    if len(model["variants"]) < 2:
        expect(page.locator(".variants")).to_have_count(0)
        return
    used = next(variant for variant in model["variants"] if variant["active"])
    other = next(variant for variant in model["variants"] if not variant["active"])
    for wanted in (other, used):
        page.get_by_role("button", name=f"Use {wanted['name']}", exact=True).click()
        expect(page.locator(".variants [aria-current]")).to_contain_text(wanted["name"])
        now = browser.get(path)
        assert [variant["name"] for variant in now["variants"] if variant["active"]] == [
            wanted["name"]], now["variants"]
        expect(page.locator(".figures").first).to_contain_text(f"{now['bits_per_weight']:.2f}")


def it_compares(browser):
    page = browser.open(address="/#compare")
    ready(page)
    models = browser.get("/v1/models")["data"]
    if len(models) < 2:
        expect(page.locator("#compare .notice")).to_contain_text("one model")
        return
    bits = {model["id"]: model["halftone"]["bits_per_weight"] for model in models}
    assert bits[page.input_value("#reference-model")] == max(bits.values())
    assert bits[page.input_value("#compressed-model")] == min(bits.values())
    page.fill("#compare-tokens", "40")
    page.fill("#compare-prompt", "Once upon a time there was")
    with page.expect_response("**/v1/halftone/divergence") as got:
        page.click("#compare-run")
    found = got.value.json()
    expect(page.locator(".side")).to_have_count(2)
    expect(page.locator(".side .speed").first).not_to_be_empty()
    tokens = page.locator(".token")
    expect(tokens).to_have_count(len(found["tokens"]))
    assert tokens.all_text_contents() == [token["text"] for token in found["tokens"]]
    shown = number(page.locator("#mean-divergence").inner_text())
    # Three digits are shown, two where the value is tiny.
    assert abs(shown - found["mean_divergence"]) <= 0.05 * abs(found["mean_divergence"]), shown
    same = page.locator("#same-choice").inner_text()
    # One decimal is shown.
    assert abs(float(same.removesuffix(" %")) - 100 * found["same_choice"]) <= 0.051, same
    worst = max(range(len(found["tokens"])), key=lambda at: found["tokens"][at]["divergence"])
    # Not by moving the pointer: a new line takes no room.
    tokens.nth(worst).dispatch_event("pointerover")
    expect(page.locator(".token-readout")).to_contain_text("nats of divergence")
    page.locator(".token[tabindex='0']").focus()
    page.keyboard.press("End")
    last = found["tokens"][-1]
    share = f"{100 * 2.718281828459045 ** last['logprob']:.1f} %"
    expect(page.locator(".token-readout")).to_contain_text(f"Probability {share}")
    expect(page.locator(".legend").last).to_contain_text("under 0.01")


def it_shows_speed_only_while_seen(browser):
    page = browser.open()
    ready(page)
    expect(page.locator("#live-memory")).to_contain_text(re.compile(r"[\d.]+ [kMGT]?B"))
    asked = []
    page.on("request", lambda request: asked.append(request.url) if "status" in request.url else 0)
    hide = "Object.defineProperty(document, 'hidden', { value: %s, configurable: true });" \
        "document.dispatchEvent(new Event('visibilitychange'))"
    page.evaluate(hide % "true")
    page.wait_for_timeout(300)
    asked.clear()
    page.wait_for_timeout(2500)
    assert not asked, f"{len(asked)} requests of a page that is not seen"
    page.evaluate(hide % "false")
    page.wait_for_timeout(2600)
    assert 2 <= len(asked) <= 4, f"{len(asked)} requests in 2.6 s"
