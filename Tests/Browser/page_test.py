"""Drives the page of `halftone serve` in a headless Chromium, as people do.

    page_test.py URL FOLDER [--browser PATH] [--only NAME]

URL is a running server's, without a key of its own; two models let it compare them. FOLDER gets
screenshots in both themes at two widths. Exits with 1 when a check fails.

Nothing is assumed of the models but that they write: what is awaited comes from what the server
itself says at its addresses, or from answers put in its place where those must be known (errors,
hostile text).
"""

import argparse
import pathlib
import shutil
import sys
import time
import traceback

from playwright.sync_api import sync_playwright

import appearance_checks
import chat_checks
import view_checks
from driver import Browser


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("url")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--browser", help="a Chromium; without, the one on the PATH",
                        default=shutil.which("chromium") or shutil.which("google-chrome"))
    parser.add_argument("--only", default="", help="part of the names of the checks to run")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    checks = [check for module in (view_checks, chat_checks, appearance_checks)
              for name, check in vars(module).items()
              if name.startswith("it_") and options.only in name]
    failures = 0
    with sync_playwright() as playwright:
        # Chromium refuses its sandbox to root, as whom containers run; the pages are our own.
        driven = playwright.chromium.launch(
            executable_path=options.browser, args=["--no-sandbox", "--disable-dev-shm-usage"])
        for check in checks:
            browser = Browser(driven, options.url.rstrip("/"), options.folder)
            start = time.monotonic()
            try:
                check(browser)
                assert not browser.faults, browser.faults
                verdict = "ok    "
            except Exception:  # Each check is told of, however it failed.
                failures += 1
                verdict = "FAILED"
                traceback.print_exc()
            print(f"{verdict} {check.__name__.replace('_', ' ')} "
                  f"({time.monotonic() - start:.1f} s)", flush=True)
            for context in driven.contexts:
                context.close()
        driven.close()
    print(f"{len(checks) - failures} of {len(checks)} checks passed")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
