"""Small templates whose output under Python Jinja is stored for the tests."""

VARIABLES = {
    "n": 7, "f": 2.5, "big": 1e20, "small": 1e-7, "t": True, "no": None, "s": "Hello, World",
    "empty": "", "u": "h\u00e9llo w\u00f6rld \u2603 \U0001f600", "e2": "e\u0301\u00e9", "sp": "  padded\t\n",
    "l": [3, 1, 2], "ls": ["b", "A", "c", "a"], "d": {"b": 1, "a": "x", "C": None},
    "lines": "one\ntwo\n\nthree", "html": "<a href=\"x\">Tom & 'Jerry'</a>",
    "people": [{"name": "Ann", "age": 31, "tags": ["x", "y"]}, {"name": "bob", "age": 25, "tags": []},
               {"name": "Cid", "age": 31}],
    "nested": {"a": {"b": [1, {"c": "deep"}]}}, "crlf": "a\r\nb\rc",
    "tool": {"type": "function", "function": {"name": "f", "parameters": {"x": [1, 2.0, None, True, "\u00fc<&>'\"\\\n"]}}},
}

EXPRESSIONS = r"""
1 + 2 * 3
(1 + 2) * 3
7 / 2
8 / 2
7 // 2
-7 // 2
7 // -2
-7 % 3
7 % -3
7.5 // 2
-7.5 % 2
7.5 % -2
2 ** 10
2 ** -1
2 ** 0.5
-2 ** 2
10 - 3 - 2
2 + 3 ~ 4
1 ~ 2 + 3
"a" ~ 1 ~ none ~ true ~ 1.5
"a" * 3
3 * "ab"
[1] * 3
[1, 2] + [3]
(1, 2) + (3,)
true + 1
1.0 + 2
0.1 + 0.2
1e16
1e15
123456789012345680.0
1e-5
0.0001
1.5e300 * 1e10
5e-324
3.0
-0.0
1_000_000
0x1F
0b101
0o17
big
small
f
t
no
n / 0
n // 0
n % 0
"x" + 1
1 + "x"
none + 1
undefinedname
undefinedname + 1
undefinedname ~ "x"
undefinedname.attr
undefinedname["x"]
undefinedname == undefinedname
undefinedname is defined
s is defined
d.missing
d.missing is defined
d.missing.more
d["a"]
d.a
d["zz"] is undefined
nested.a.b[1].c
nested["a"]["b"][0]
nested.a.b[5]
nested.a.b[5] is defined
nested.a.b[-1]["c"]
nested.a.b.1.c
l
ls
d
(1,)
()
(1, "a", none)
1, 2
[true, none, 1.0, "it's", 'q"q', "b\\s", "n\nt\t", "\x00\x7f", "é☃😀", "\u200b"]
{"a": 1, "b": [1, {"c": 2}], 3: "x", none: 1, true: 2}
{1: "a", 1.0: "b", true: "c"}
d == {"a": "x", "C": none, "b": 1}
[1, 2] == [1, 2.0]
(1, 2) == [1, 2]
"a" == "a"
e2[0] == "e"
e2 == "éé"
"1" == 1
1 == true
1 < 2 < 3
1 < 3 < 2
1 < 2 == 2
"a" < "b"
"Z" < "a"
"é" > "z"
[1, 2] < [1, 3]
[1] < [1, 0]
1 < "a"
none < 1
"ell" in s
"xyz" not in s
1 in l
5 in l
"a" in d
"q" in d
1 in "abc"
"a" in none
"" in s
none in [none]
undefinedname in l
"x" in undefinedname
not true
not l
not []
not 0
not ""
not none
true and 0
"x" or "y"
"" or "y"
none and 1
1 and 2 or 3
0 or none
not true == false
1 if t else 2
1 if not t else 2
1 if not t
(1 if not t) is undefined
1 if no else 2 if t else 3
"yes" if n > 5 and f < 3 else "no"
s[0]
s[-1]
s[100]
s[1:4]
s[::-1]
s[:5]
s[-5:]
s[::2]
s[10:2:-3]
s[100:]
u[7:8]
u[-1]
u|length
l[1:]
l[::-1]
l[:-1]
l[5:]
l[none:2]
l["x"]
(1, 2, 3)[1:]
l[0:2][1]
range(5)|list
range(2, 10, 3)|list
range(5, 0, -2)|list
range(3)
range(0, 6, 2)
range(5)[2]
range(5)[-1]
range(200000)
range(0)|list
range(1, 2, 0)
3 in range(5)
s.upper()
s.lower()
s.title()
"they're bill's 3rd x1y".title()
"they're bill's 3rd x-y (z) [w"|title
"hELLO wORLD".capitalize()
"straße".upper()
s.swapcase()
sp.strip()
sp.lstrip()
sp.rstrip()
"xxaxx".strip("x")
"xyaxy".lstrip("yx")
"xyaxy".rstrip("yx")
"\u2003 a \u00a0".strip()
s.split()
s.split(",")
s.split(", ")
s.split("l", 1)
s.rsplit("l", 1)
s.rsplit("l")
"  a  b c ".split()
"  a  b c ".split(none, 1)
"  a  b c ".rsplit(none, 1)
"a,b,c".split(",", maxsplit=1)
"a,,b".split(",")
"".split()
"".split(",")
s.split("")
"abc".split("abc")
crlf.splitlines()
crlf.splitlines(true)
crlf.split("\n")
s.partition(", ")
s.rpartition("o")
s.partition("zz")
s.startswith("Hell")
s.startswith(("x", "He"))
s.endswith("ld")
s.endswith("")
s.startswith("lo", 3)
s.find("o")
s.find("o", 5)
s.find("zz")
s.rfind("o")
s.index("W")
s.index("zz")
u.find("w")
s.count("l")
s.count("")
"aaaa".count("aa")
s.replace("l", "L")
s.replace("l", "L", 2)
s.replace("", "-")
s.replace("zz", "-")
"-".join(["a", "b"])
"-".join([1, 2])
"".join(ls)
"42".zfill(5)
"-42".zfill(5)
"ab".center(7, "*")
"abc".center(6, "*")
"ab".ljust(5) ~ "|"
"ab".rjust(5) ~ "|"
"abc".removeprefix("a")
"abc".removesuffix("c")
"123".isdigit()
"12a".isdigit()
"abc".isalpha()
"ab1".isalnum()
" \t".isspace()
"ABC".isupper()
"aBC".islower()
"é".isalpha()
s.nomethod()
s.nomethod
s.__class__
s.append("x")
l.append(1)
l.index(1)
l.index(9)
l.count(1)
d.get("a")
d.get("zz")
d.get("zz", 5)
d.keys()
d.values()
d.items()
d.items()|list
d.keys()|list
d.values()|list
d|items|list
d.pop("a")
d.update({"x": 1})
"{} and {}".format(1, "b")
"{1} {0}".format("a", "b")
"{x} {y.name}".format(x=1, y=people[0])
"{0[name]}".format(people[0])
"{:>6}|{:<6}|{:^6}|".format("a", "b", "c")
"{:05d} {:+d} {:,}".format(42, 7, 1234567)
"{:.2f} {:8.3f} {:e}".format(3.14159, 2.5, 12345.678)
"{:x} {:X} {:o} {:b}".format(255, 255, 8, 5)
"{:.1%}".format(0.256)
"{!r} {!s}".format("a", "a")
"{{}} {}".format(1)
"{".format(1)
"{} {}".format(1)
"%s %d" % ("a", 3)
"%s" % "x"
"%s" % [1, 2]
"%5.2f|%-5s|%05d|%x" % (3.14159, "ab", 42, 255)
"%(a)s-%(b)d" % {"a": 1, "b": 2}
"%s %s" % "x"
"100%%" % ()
"%d" % "x"
"%s and %s"|format("a", "b")
"%r" % "a"
s|upper
s|lower
"hELLO"|capitalize
s|length
l|length
d|count
none|length
5|length
undefinedname|length
sp|trim
"xxaxx"|trim("x")
l|first
l|last
[]|first
[]|first is undefined
s|first
s|last
d|first
l|join
l|join(", ")
ls|join("-")
people|join(", ", attribute="name")
[1, none, true, "x"]|join("|")
undefinedname|join(",")
s|join("-")
s|replace("l", "L")
s|replace("l", "L", 1)
n|replace("7", "8")
n|string ~ "!"
none|string
l|string
s|list
d|list
undefinedname|list
l|sort
l|sort(reverse=true)
ls|sort
ls|sort(case_sensitive=true)
people|sort(attribute="age")|map(attribute="name")|join(",")
people|sort(attribute="age,name", reverse=true)|map(attribute="name")|join(",")
["b", 1]|sort
[3, 1, 2, 1]|unique|list
["a", "A", "b"]|unique|list
["a", "A", "b"]|unique(true)|list
l|reverse|list
s|reverse
l|min
l|max
[]|min is undefined
ls|min
people|max(attribute="age")
l|sum
[1.5, 2]|sum
people|sum(attribute="age")
[]|sum
l|sum(start=10)
people|map(attribute="name")|list
people|map(attribute="tags.0")|list
people|map(attribute="tags", default="-")|list
ls|map("upper")|list
ls|map("replace", "a", "z")|list
["1", "2"]|map("int")|sum
people|selectattr("age", "equalto", 31)|map(attribute="name")|list
people|selectattr("tags")|list|length
people|selectattr("tags", "defined")|list|length
people|rejectattr("tags", "undefined")|list|length
people|rejectattr("age", "gt", 30)|map(attribute="name")|join
l|select("odd")|list
l|reject("odd")|list
[0, 1, "", "a", none]|select|list
none|select|list
none|selectattr("x")|list
none|map("upper")|list
0|reject("odd")|list
5|select|list
[0, 1, "", "a", none]|reject|list
l|select("in", [1, 2])|list
l|select("nosuchtest")|list
l|map("nosuchfilter")|list
people|groupby
l|batch(2)|list
l|batch(2, 0)|list
l|slice(2)|list
undefinedname|default("x")
undefinedname|d("x")
none|default("x")
none|default("x", true)
""|default("x", boolean=true)
d.missing|default(d.a)
undefinedname|default
"42"|int
"4.7"|int
"x"|int
"x"|int(-1)
4.9|int
-4.9|int
"0x1f"|int(base=16)
" 12 "|int
"1_000"|int
true|int
none|int
"3.5"|float
"x"|float
"1e3"|float
" inf "|float
3|float
2.5|round
3.5|round
2.567|round(2)
2.561|round(2, "ceil")
2.567|round(2, "floor")
42|round
42.55|round(1)
1234|round(-2)
-5|abs
-2.5|abs
d|dictsort
d|dictsort(true)
d|dictsort(by="value")
{"b": 2, "a": 3}|dictsort(by="value", reverse=true)
{"b": 2, "a": 3}|dictsort|map("first")|join
lines|indent
lines|indent(2, true)
lines|indent(2, blank=true)
lines|indent("> ")
"a"|indent
n|indent
s|wordcount
"a b-c d'e"|wordcount
"ab"|center(6) ~ "|"
"a long sentence here now"|truncate(10)
"a long sentence here now"|truncate(10, true)
"a long sentence here now"|truncate(10, true, "…", 0)
html|escape
html|e
html|safe
html|safe + "<b>"
"<b>" + html|safe
html|escape|escape
html|forceescape|forceescape
("<i>"|safe) ~ "<b>"
("<i>"|safe).upper() + "<"
[("a"|safe), "<"]|join
html|safe|tojson
html|tojson
tool|tojson
tool|tojson(indent=2)
tool|tojson(indent=4, separators=(",", ":"))
tool|tojson(separators=(",", ":"))
tool|tojson(ensure_ascii=true)
u|tojson(ensure_ascii=true)
{"b": 1, "a": {"d": 1, "c": 2}}|tojson(sort_keys=true)
{"b": 1, "a": []}|tojson(indent=2)
{}|tojson(indent=2)
{1: 2, none: 3, true: 4, 1.5: 5}|tojson
(1, 2)|tojson
1e100|tojson
undefinedname|tojson
range(3)|tojson
"\x01\x1f\x7f\u2028"|tojson
l|map("string")|tojson
none is none
no is none
0 is none
s is string
1 is string
1 is number
1.5 is number
true is number
true is integer
1 is integer
1.0 is integer
1.0 is float
true is boolean
1 is boolean
true is true
1 is true
false is false
d is mapping
l is mapping
l is sequence
s is sequence
d is sequence
5 is sequence
l is iterable
s is iterable
5 is iterable
none is iterable
undefinedname is iterable
undefinedname is sequence
range(2) is iterable
d.items() is sequence
s.upper is callable
s is callable
4 is even
4 is odd
9 is divisibleby 3
9 is divisibleby(2)
"abc" is lower
"ABC" is upper
"aBC" is lower
1 is eq 1
1 is equalto(2)
1 is ne 2
1 is lt 2
2 is ge 2
3 is gt(2) and true
1 is in [1, 2]
5 is not in [1, 2]
"x" is not none
n is not defined
s is not string
1 is sameas 1
1 is sameas true
none is sameas none
"upper" is filter
"nosuch" is filter
"even" is test
1 is nosuchtest
1|nosuchfilter
l is defined and l|length > 2
d.a is defined and d.a == "x"
-n|abs
-f
+n
- - n
--n
"a" "b"
"a" 'b' ~ "c"
'\n\t\\\'\x41\u00e9\101\q'
"☃"
'it''s'
dict(a=1, b=2)
dict({"x": 1}, y=2)
dict(a=1).a
namespace(a=1).a
namespace(a=1)
namespace(a=1).zz is defined
namespace({"x": 2}).x
namespace(_a=1)
raise_exception("no")
raise_exception()
strftime_now("%d %b %Y")
strftime_now("%Y-%m-%d %H:%M:%S %A %B %j %p %I %y %% %e")
nosuchfunction()
n()
l|length == 3 and s|length > 3
(l|length) + 1
l|length + 1
l|length ~ "x"
[x for x in l]
people[0].name ~ " is " ~ people[0].age
people[0]["tags"][0] | upper
people[1:][0].name
(people|first).name
(people|selectattr("age", "lt", 30)|first).name
people|length > 2 and people[2].tags is not defined
s is string and s|length
{"a": 1}.a
{"a": {"b": 2}}["a"].b
[[1, 2], [3]][0][1]
"abc"["x"]
("a", "b")|join("+")
9007199254740993
9223372036854775807 + 0
100|string|length
1.0|int ~ ""
"%.1f"|format(2.25)
"%s"|format(none)
"a\
b"
"""

STATEMENTS = [
    "{% if n > 5 %}big{% else %}small{% endif %}",
    "{% if no %}a{% elif s %}b{% else %}c{% endif %}",
    "{% if no %}a{% elif empty %}b{% endif %}|",
    "{% for x in l %}{{ x }},{% endfor %}",
    "{% for x in [] %}{{ x }}{% else %}none{% endfor %}",
    "{% for x in l %}{% if x == 1 %}{% break %}{% endif %}{{ x }}{% endfor %}",
    "{% for x in l %}{% if x == 1 %}{% continue %}{% endif %}{{ x }}{% endfor %}",
    "{% for x in l %}{% continue %}{% else %}never finished{% endfor %}",
    "{% for x in l %}{% if loop.last %}{% break %}{% endif %}{% else %}else{% endfor %}",
    "{% for x in l if x > 1 %}{{ loop.index }}/{{ loop.length }}:{{ x }} {% endfor %}",
    "{% for x in l if x > 9 %}{{ x }}{% else %}no{% endfor %}",
    "{% for x in l %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }} {% endfor %}",
    "{% for x in l %}{{ loop.previtem }}<{{ x }}>{{ loop.nextitem }} {% endfor %}",
    "{% for x in l %}{{ loop.previtem is defined }}{{ loop.nextitem is undefined }} {% endfor %}",
    "{% for x in l %}{{ loop.cycle('a', 'b') }}{% endfor %}",
    "{% for x in [1, 1, 2, 2, 1] %}{{ loop.changed(x) }} {% endfor %}",
    "{% for x in l %}{{ loop.depth }}{% for y in l %}{{ loop.depth0 }}{{ loop.index }}{% endfor %}{{ loop.index }} {% endfor %}",
    "{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}",
    "{% for k, v in d|dictsort %}{{ k }}={{ v }};{% endfor %}",
    "{% for (a, b) in [(1, 2), (3, 4)] %}{{ a + b }} {% endfor %}",
    "{% for a, (b, c) in [(1, (2, 3))] %}{{ a }}{{ b }}{{ c }}{% endfor %}",
    "{% for a, b in [1, 2] %}{{ a }}{% endfor %}",
    "{% for a, b in [(1, 2, 3)] %}{{ a }}{% endfor %}",
    "{% for k in d %}{{ k }}{% endfor %}",
    "{% for c in 'añ☃' %}{{ c }}.{% endfor %}",
    "{% for x in 5 %}{{ x }}{% endfor %}",
    "{% for x in none %}{{ x }}{% endfor %}",
    "{% for x in undefinedname %}{{ x }}{% else %}empty{% endfor %}",
    "{% for x in range(3) %}{{ x }}{% endfor %}",
    "{% for x in l|reverse %}{{ loop.length }}{{ x }}{% endfor %}",
    "{% for x in people|selectattr('age', 'eq', 31) %}{{ loop.length }}{{ x.name }}{% endfor %}",
    "{% for x in l recursive %}{{ x }}{% if x == 3 %}({{ loop([7, 8]) }}){% endif %}{% endfor %}",
    "{% for x in l %}{{ loop([1]) }}{% endfor %}",
    "{% for loop in l %}{% endfor %}",
    "{% set x = 1 %}{% for i in l %}{% set x = i %}{{ x }}{% endfor %}{{ x }}",
    "{% set x = 1 %}{% for i in l %}{{ x }}{% set x = i %}{{ x }} {% endfor %}",
    "{% set x = 1 %}{% if true %}{% set x = 2 %}{% endif %}{{ x }}",
    "{% set ns = namespace(x=0) %}{% for i in l %}{% set ns.x = ns.x + i %}{% endfor %}{{ ns.x }}",
    "{% set ns = namespace() %}{% set ns.a = [1] %}{% set ns.a = ns.a + [2] %}{{ ns.a }}{{ ns['a'] }}",
    "{% set ns = namespace() %}{% set ns._a = 1 %}",
    "{% set d.x = 1 %}",
    "{% set undefinedname.x = 1 %}",
    "{% set a, b = 1, 2 %}{{ a }}{{ b }}",
    "{% set a = 1, 2 %}{{ a }}",
    "{% set (a, b) = l[:2] %}{{ a }}{{ b }}",
    "{% set x %}in {{ n }}{% endset %}{{ x }}|{{ x|length }}",
    "{% set x | upper | replace('N', 'M') %}in {{ n }}{% endset %}{{ x }}",
    "{% set ns = namespace() %}{% set ns.x %}block{% endset %}{{ ns.x }}",
    "{% set x = 'a' %}{% set x = x ~ 'b' %}{{ x }}",
    "{% set messages = l[1:] %}{{ messages }}",
    "{% set _ = l.append(4) %}{{ l }}",
    "{% set true = 1 %}",
    "{% macro f(a, b=2) %}[{{ a }}:{{ b }}]{% endmacro %}{{ f(1) }}{{ f(1, 3) }}{{ f(b=5, a=4) }}{{ f() }}",
    "{% macro f(a, b=a) %}{{ a }}{{ b }}{% endmacro %}{{ f(1) }}",
    "{% macro f(a) %}{{ a }}{% endmacro %}{{ f(1, 2) }}",
    "{% macro f(a) %}{{ a }}{% endmacro %}{{ f(1, b=2) }}",
    "{% macro f(a) %}{{ a }}{% endmacro %}{{ f(1, a=2) }}",
    "{% macro f(a) %}{{ a }}{{ varargs }}{{ kwargs }}{% endmacro %}{{ f(1, 2, 3, x=4) }}",
    "{% macro f(a) %}{{ a }}{{ caller() }}{% endmacro %}{% call f(1) %}body{{ n }}{% endcall %}",
    "{% macro f() %}{{ caller(5) }}{% endmacro %}{% call(x) f() %}<{{ x }}>{% endcall %}",
    "{% macro f() %}x{% endmacro %}{% call f() %}body{% endcall %}",
    "{% macro f(k) %}{% if k > 0 %}{{ k }}{{ f(k - 1) }}{% endif %}{% endmacro %}{{ f(4) }}",
    "{% set y = 1 %}{% macro f() %}{{ y }}{% endmacro %}{% set y = 2 %}{{ f() }}",
    "{% macro f() %}{{ x }}{% endmacro %}{% for x in l %}{{ f() }}.{% endfor %}",
    "{% macro f() %}  a  {% endmacro %}{{ f()|trim }}|{{ f().strip() ~ '<' }}",
    "{% macro f(x) %}{{ x is undefined }}{% endmacro %}{{ f() }}{{ f(none) }}",
    "{% macro f() %}a{% endmacro %}{{ f }}{{ f.name }}{{ f is callable }}",
    "{{ f2() }}{% macro f2() %}a{% endmacro %}",
    "{% filter upper %}abc {{ s }}{% endfilter %}",
    "{% filter replace('a', 'b')|upper %}abc{% endfilter %}",
    "{% with a = 1, b = 2 %}{{ a + b }}{% endwith %}{{ a }}",
    "{% with %}{% set q = 1 %}{{ q }}{% endwith %}{{ q }}",
    "{% generation %}answer {{ n }}{% set q = 1 %}{% endgeneration %}|{{ q }}",
    "{% raw %}{{ not }} {% if %}{% endraw %}",
    "a\n  {% raw %}  x {{ }}\n  {% endraw %}  \nb",
    "{%- raw -%}  x  {%- endraw -%}  y",
    "{# comment #}a{#- b -#}  c",
    "a  {#- x #}\nb",
    "{# {{ n }} {% if %} #}x",
    "{# open",
    "{{ open",
    "{% if n %}",
    "{% endif %}",
    "{% nosuch %}",
    "{% do l.append(1) %}",
    "{% for x in l %}{{ x }}",
    "{{ }}",
    "{{ 1 + }}",
    "{{ (1 }}",
    "{{ [1, 2 }}",
    "{{ 'abc }}",
    "{{ 1 2 }}",
    "{{ a b }}",
    "{{ $ }}",
    "{{ 1 is string is defined }}",
    "{% break %}",
    "{% set x = %}",
    "{% macro f(a=1, b) %}{% endmacro %}",
    "{{ f(a=1, 2) }}",
    "{{ range(*[1, 4])|list }}{{ dict(**{'a': 1}) }}",
    "  {% if t %}\n    x\n  {% endif %}\n  y\n",
    "a\n  {%- if t -%}\n    x\n  {%- endif -%}\n  y",
    "a\n  {%+ if t %}\n    x\n  {%+ endif %}\n  y",
    "a {% if t +%}\n x{% endif %}",
    "{% if t %}\n\nx\n\n{% endif %}\n\ny",
    "a {{- n -}} b {{ n }} c",
    "a\n{{- n -}}\nb",
    "a\n   {{ n }}\nb",
    "{{ n }}\n",
    "{{ n }}\n\n",
    "\n{{ n }}",
    "a\r\n{% if t %}\r\nb\r\n{% endif %}\r\nc",
    "  {# c #}  \n  x",
    "x {% if t %} {% endif %} y",
    "{% for x in l %}\n  - {{ x }}\n{% endfor %}\n",
    "{%- for x in l %}\n  - {{ x }}\n{%- endfor %}\nend",
    "{%   if   t   %}x{%endif%}",
    "{{n}}{{-n-}}{{ n }}",
    "}} %} #} {",
    "{ { n } }",
    "{{ '}}' }}{{ '%}' }}{{ {'a': {'b': 1}}.a.b }}",
    "{{ {'a': 1}}}",
    "{{ '{{ n }}' }}",
    "{% if '%}' in '%}' %}y{% endif %}",
    "{% if x is not defined %}{% set x = 5 %}{% endif %}{{ x }}",
    "{% if not (n == 7 and f) %}a{% else %}b{% endif %}",
    "{% for m in people %}{% set role = 'user' if loop.index0 % 2 == 0 else 'bot' %}{{ role }}: {{ m.name }}\n{% endfor %}",
    "{% for m in people %}{{ m['name'] }}{% if not loop.last %}, {% endif %}{% endfor %}",
    "{% for m in people %}{%- if m.tags -%}{{ m.tags|join('/') }}{%- else -%}-{%- endif -%}{% endfor %}",
    "{%- set joined = [] %}{%- for m in people %}{%- set joined = joined + [m.name] %}{%- endfor %}{{ joined }}",
    "{% set j = joiner('; ') %}{% for x in l %}{{ j() }}{{ x }}{% endfor %}",
    "{% set c = cycler('a', 'b') %}{{ c.next() }}{{ c.next() }}{{ c.next() }}{{ c.current }}{% set _ = c.reset() %}{{ c.current }}",
    "{% include 'x' %}",
    "{% extends 'x' %}",
    "{% import 'x' as y %}",
    "{{ ''.__class__.__mro__ }}",
    "{{ s.__len__() }}",
    "{{ namespace.__init__ }}",
    "{% set x = people|map(attribute='name') %}{{ x|first }}{{ x|list }}{{ x|list }}",
    "{% set x = d.items() %}{{ x|length }}{{ x|list|length }}{{ x }}",
    "{{ people|map('nosuch') if false else 1 }}",
    "{{ lines }}\n{{ crlf }}|",
    "{% for line in lines.split('\\n') %}{{ loop.index }}:{{ line }};{% endfor %}",
    "{% if 'a' in d and d.a is string %}{{ d.a }}{% endif %}",
    "{%- if true %} a {%- endif %} b ",
    "{{- ' x ' -}} y",
    "{{ n if n else '' }}{{ '' if n }}",
    "{% for x in l -%} {{ x }} {%- if not loop.last %},{% endif %}{%- endfor %}",
    "{% for i in range(3) %}{% for j in range(3) %}{% if j == 1 %}{% break %}{% endif %}{{ i }}{{ j }} {% endfor %}{% endfor %}",
    "{{ {'role': 'user', 'content': 'x'} == {'content': 'x', 'role': 'user'} }}",
    "{{ people[-1] == people[2] }}{{ people.index(people[1]) }}",
    "{% set x = namespace(v=1) %}{% set y = x %}{% set y.v = 2 %}{{ x.v }}",
    "{% if loop is defined %}a{% else %}b{% endif %}",
    "{{ true }}{{ True }}{{ false }}{{ none }}{{ None }}",
    "{{ '%c' % 65 }}{{ '%e' % 12345.678 }}{{ '%g' % 0.00001 }}",
    "{{ 'a' if t else }}",
    "{% for x in l, ls %}{{ x }}{% endfor %}",
    "{% set x = l if t else d %}{{ x }}",
    "{{ (1, 2)|first }}{{ ('a')|length }}",
]

SNIPPETS = ["{{ " + line + " }}" for line in
            EXPRESSIONS.strip("\n").replace("\\\n", "\x00").split("\n")]
SNIPPETS = [text.replace("\x00", "\\\n") for text in SNIPPETS] + STATEMENTS
