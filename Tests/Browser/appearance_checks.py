"""By keyboard alone, in both themes, at two widths; with pictures."""

from playwright.sync_api import expect

from chat_checks import HOSTILE
from driver import answered, most_packed, piece, put_answer, ready, say, take_away
from scripts import ACCESSIBILITY, CONTRAST

WIDTHS = {"desktop": 1280, "phone": 360}
THEMES = ["light", "dark"]


def it_works_by_keyboard_alone(browser):
    page = browser.open()
    ready(page)
    focused = "document.activeElement.id || document.activeElement.textContent"
    page.keyboard.press("Tab")
    assert page.evaluate(focused) == "Skip to the content"
    assert page.locator(".skip").evaluate("node => getComputedStyle(node).clipPath") == "none"
    page.keyboard.press("Enter")
    assert page.evaluate(focused) == "content"

    page.reload()
    ready(page)
    walk = []
    for _ in range(40):
        page.keyboard.press("Tab")
        walk.append(page.evaluate(focused))
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none", f"the focus is not seen at {walk[-1]}"
        if walk[-1] == "message":
            break
    assert walk[1] == "tab-chat", walk
    assert "tab-model" not in walk, "only the tab that is shown is in the order of Tab"
    assert walk[-1] == "message", f"the message is not reached: {walk}"
    page.keyboard.type("One line")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("and another")
    page.keyboard.press("Enter")
    answered(page)
    assert page.locator(".question .verbatim").inner_text() == "One line\nand another"
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Shift+Tab")
    assert page.evaluate(focused) in ("Regenerate", "Try again")
    page.keyboard.press("Enter")
    answered(page)
    expect(page.locator(".turn")).to_have_count(2)

    page.locator("#tab-chat").focus()
    for name, view in (("tab-model", "model"), ("tab-compare", "compare")):
        page.keyboard.press("ArrowRight")
        assert page.evaluate(focused) == name
        expect(page.locator(f"#{view}")).to_be_visible()
        assert page.url.endswith(f"#{view}")
    expect(page.locator("#chat")).to_be_hidden()
    page.go_back()
    expect(page.locator("#model")).to_be_visible()


def it_looks_right_everywhere(browser):
    """No sideways scrolling, the contrast of WCAG AA, names for all controls; and pictures."""
    name = most_packed(browser)
    sample = HOSTILE.split("\n\n", 1)[1].replace("iframe", "p")
    for theme in THEMES:
        for size, width in WIDTHS.items():
            place = f"{size}-{theme}"
            page = browser.open(theme, width)
            ready(page)
            page.select_option("#chat-model", name)
            look(browser, page, f"{place}-1-empty")
            put_answer(page, piece("## An answer\n\nIn some [words](https://example.org) and "),
                piece("more.\n\n> A quote.\n\n" + sample, "stop"), "[DONE]")
            say(page, "What does an answer look like?\n\nWith two paragraphs.")
            answered(page)
            take_away(page)
            page.click("#settings-button")
            look(browser, page, f"{place}-2-chat")
            page.click("#settings-button")
            page.get_by_role("button", name="Edit").click()
            look(browser, page, f"{place}-3-edit")
            page.keyboard.press("Escape")

            page.click("#tab-model")
            expect(page.locator(".figures").first).to_be_visible()
            page.locator(".cell:not(.unknown)").first.click()
            expect(page.locator(".distribution rect")).to_have_count(64)
            look(browser, page, f"{place}-4-model")
            if page.locator(".choice").count():
                page.get_by_text("Expected damage", exact=True).click()
                look(browser, page, f"{place}-5-damage")

            page.click("#tab-compare")
            if len(browser.get("/v1/models")["data"]) > 1:
                page.fill("#compare-prompt", "Once upon a time")
                page.fill("#compare-tokens", "60")
                page.click("#compare-run")
                expect(page.locator(".token")).not_to_have_count(0)
                page.locator(".token").first.dispatch_event("pointerover")
            look(browser, page, f"{place}-6-compare")
            page.evaluate("document.getElementById('key-dialog').showModal()")
            look(browser, page, f"{place}-7-key")
            page.context.close()


def look(browser, page, name):
    page.mouse.move(0, 0)
    browser.shot(page, name)
    sideways = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert sideways <= 0, f"{name}: {sideways} pixels wider than the window"
    faint = page.evaluate(CONTRAST)
    assert not faint, f"{name}: too little contrast: {faint[:6]}"
    unnamed = page.evaluate(ACCESSIBILITY)
    assert not unnamed, f"{name}: {unnamed[:6]}"
