"""Renders chat templates with Python Jinja, set up as transformers does.

    template_reference.py snippets OUT.json     the snippets of template_snippets.py with outputs
    template_reference.py families FOLDER       FOLDER/*.jinja x FOLDER/conversations.json,
                                                outputs into FOLDER/expected.json
    template_reference.py render < REQUEST      {"templates": {name: text}, "conversations": {...}}
                                                as JSON in, {name: {conversation: text or null}} out

An output of null means that Jinja raised. Needs the package jinja2 (3.1).
"""

import datetime
import json
import pathlib
import sys

import jinja2
import jinja2.ext
from jinja2 import nodes
from jinja2.ext import Extension
from jinja2.sandbox import ImmutableSandboxedEnvironment

NOW = datetime.datetime(2025, 3, 7, 14, 5, 9)


class Generation(Extension):
    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return nodes.CallBlock(self.call_method("_body"), [], [], body).set_lineno(line)

    def _body(self, caller):
        return caller()


def environment():
    def raise_exception(message):
        raise jinja2.exceptions.TemplateError(message)

    def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
        return json.dumps(
            x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys
        )

    class Namespace(jinja2.utils.Namespace):
        def __init__(*args, **kwargs):
            self, args = args[0], args[1:]
            attributes = dict(*args, **kwargs)
            for name in attributes:
                Namespace._check(name)
            jinja2.utils.Namespace.__init__(self, attributes)

        def __setitem__(self, name, value):
            Namespace._check(name)
            jinja2.utils.Namespace.__setitem__(self, name, value)

        @staticmethod
        def _check(name):
            if isinstance(name, str) and name.startswith("_"):
                raise jinja2.exceptions.SecurityError(name)

    env = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols]
    )
    env.filters["tojson"] = tojson
    env.globals["raise_exception"] = raise_exception
    env.globals["strftime_now"] = lambda text: NOW.strftime(text)
    env.globals["namespace"] = Namespace
    env.globals.pop("lipsum", None)
    return env


def compiled(env, text):
    """The template, or None when Jinja raises."""
    try:
        return env.from_string(text)
    except Exception:  # noqa: BLE001 - any refusal counts
        return None


def render(template, variables):
    """The text, or None when Jinja raises."""
    try:
        return template.render(**variables)
    except Exception:  # noqa: BLE001 - any refusal counts
        return None


def render_all(env, templates, conversations):
    results = {}
    for name, text in templates.items():
        template = compiled(env, text)
        results[name] = {
            title: render(template, conversation) for title, conversation in conversations.items()
        }
    return results


def read(path):
    return path.read_bytes().decode("utf-8")


def main():
    env = environment()
    if sys.argv[1] == "snippets":
        from template_snippets import SNIPPETS, VARIABLES

        rows = [{"template": text, "output": render(compiled(env, text), VARIABLES)} for text in SNIPPETS]
        document = {"variables": VARIABLES, "snippets": rows}
        text = json.dumps(document, ensure_ascii=True, indent=1)
        pathlib.Path(sys.argv[2]).write_text(text + "\n")
        raised = sum(row["output"] is None for row in rows)
        print(f"{len(rows)} snippets, {raised} of them raise")
    elif sys.argv[1] == "families":
        folder = pathlib.Path(sys.argv[2])
        templates = {path.stem: read(path) for path in sorted(folder.glob("*.jinja"))}
        conversations = json.loads(read(folder / "conversations.json"))
        results = render_all(env, templates, conversations)
        text = json.dumps(results, ensure_ascii=True, indent=1)
        (folder / "expected.json").write_text(text + "\n")
        for name, outputs in results.items():
            print(name, sum(output is not None for output in outputs.values()), "rendered")
    else:
        request = json.load(sys.stdin)
        results = render_all(env, request["templates"], request["conversations"])
        json.dump(results, sys.stdout)


if __name__ == "__main__":
    main()
