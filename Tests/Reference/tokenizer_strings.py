"""Makes the strings that tokenizers are compared on: byte strings, some of them not UTF-8.

The generator is a 64-bit LCG written out here, so every version of Python makes the same strings.
"""

WORDS = (
    "the of and to in a is that for it was on are as with his they be at one have this from or had "
    "by hot but some what there we can out other were all your when up use word how said an each "
    "she which do their time if will way about many then them would write like so these her long "
    "make thing see him two has look more day could go come did my sound no most number who over "
    "know water than call first people may down side been now find Paris London Halftone tokenizer "
    "quantization weights don't it's we'll they've I'm you're he'd isn't O'Neil rock'n'roll"
).split()

SCRIPTS = [
    "Привет мир это тест токенизатора съешь ещё этих мягких французских булок",
    "Γειά σου Κόσμε η γρήγορη καφέ αλεπού πηδάει",
    "你好世界 这是一个测试 今天天气很好 我们去公园散步 量化模型",
    "こんにちは世界 これはテストです カタカナ ひらがな 漢字 １２３",
    "안녕하세요 세계 이것은 테스트입니다 빠른 갈색 여우",
    "مرحبا بالعالم هذا اختبار السلام عليكم ١٢٣",
    "שלום עולם זה מבחן של אסימונים",
    "नमस्ते दुनिया यह एक परीक्षण है १२३",
    "สวัสดีชาวโลก นี่คือการทดสอบ",
    "Zażółć gęślą jaźń Ärger über Öl naïve façade Straße İstanbul ılık",
    "வணக்கம் உலகம் இது ஒரு சோதனை",
    "Tiếng Việt có nhiều dấu phức tạp lắm",
]

CODE = [
    "def f(x, y):\n    return x + y\n", "for (int i = 0; i < n; ++i) {\n\t\tsum += a[i];\n\t}\n",
    "let value = try? parser.parse(bytes)\n", "#include <stdio.h>\r\n\r\nint main() {}\r\n",
    "SELECT * FROM t WHERE id = 42 AND name LIKE '%x%';", "if x != None and y >= 0x1F:\n        pass",
    "<div class=\"a b\">&nbsp;</div>\n", "print(f\"{x:>10.3f}\")", "a->b.c[0]::d<T>()",
    "\\frac{1}{2} \\sum_{i=0}^{n} x_i^2", "$ git commit -m 'x' && make -j8 2>&1 | tail",
    "{\"key\": [1, 2.5e-3, null, true]}", "https://example.org/a/b?c=d&e=%20f#g", "// TODO???!!! ---- ====",
]

SPECIALS = [
    "<s>", "</s>", "<unk>", "<pad>", "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|eot_id|>",
    "<|begin_of_text|>", "<|start_header_id|>", "<bos>", "<eos>", "<start_of_turn>", "<end_of_turn>",
    "[CLS]", "[SEP]", "[MASK]", "[UNK]", "[PAD]", "<mask>", "<0x41>", "<0xE2>", "<0x0A>", "<tool_call>",
    "</tool_call>", "<|user|>", "<|end|>", "<|assistant|>", "<unused7>", "<strip>", "<word>",
    "<table>", "<|startoftext|>", "\n\n\n", "\u2581\u2581", "\u2581", "##ing", "</w>",
]

SPACES = [
    " ", " ", " ", "  ", "    ", "\t", "\n", "\n", "\r\n", "\r", "\u00a0", "\u3000", "\u2028", "\u0085", "\x0b",
    "\x0c", "\u200b", "\ufeff", "\u2003", "\u1680", "\u180e", "\u202f",
]

EMOJI = [
    "😀", "👍🏽", "👩‍👩‍👧‍👦", "🏳️‍🌈", "🇩🇪", "🇯🇵🇺🇸", "1️⃣", "#️⃣", "❤️", "❤", "👨🏿‍🚀", "🫠", "🧑‍🤝‍🧑", "☃️", "⚙", "🪿",
    "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "©", "™", "🀄", "🩷",
]

PUNCTUATION = list("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~") + ["…", "—", "“", "”", "’", "«", "¿", "。", "、", "·", "€", "°"]

BAD = [
    b"\xff", b"\xfe", b"\x80", b"\xbf\xbf", b"\xc0\xaf", b"\xc3", b"\xe2\x96", b"\xe2\x28\xa1", b"\xed\xa0\x80",
    b"\xed\xbf\xbf", b"\xf0\x9f\x98", b"\xf0\x80\x80\xaf", b"\xf4\x90\x80\x80", b"\xf8\x88\x80\x80\x80", b"\xe0\x80",
    b"\xf1\x80\x41", b"\xc3\x28", b"\x00", b"\xef\xbf\xbd",
]


class Random:
    def __init__(self, seed):
        self.state = seed

    def below(self, n):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % (1 << 64)
        return (self.state >> 33) % n

    def pick(self, items):
        return items[self.below(len(items))]


def scalar(r, low, high):
    while True:
        value = low + r.below(high - low)
        if not 0xD800 <= value <= 0xDFFF:
            return chr(value)


def words(r, n):
    return " ".join(r.pick(WORDS) for _ in range(n))


def cased(r, word):
    return [word, word.upper(), word.capitalize(), word.swapcase()][r.below(4)]


def make_strings(seed=20240611):
    r = Random(seed)
    out = ["", " ", "  ", "\n", "a", "\u0301", "'", "''", "'s", " 's", "\u2581", "\u2581a", " \u2581 a"]

    # Every window of 64 code points of planes 0 and 1, and samples of the others.
    windows = [(w, w + 64) for w in range(0, 0x20000, 64) if not 0xD800 <= w < 0xE000]
    windows += [(w, w + 64) for w in range(0x20000, 0x34000, 1024)]
    windows += [(0xE0000, 0xE0080), (0xE0100, 0xE01F0), (0xF0000, 0xF0040), (0x10FF00, 0x10FFFF)]
    for low, high in windows:
        text = ""
        for _ in range(4 + r.below(8)):
            text += scalar(r, low, high)
            if r.below(4) == 0:
                text += r.pick([" ", "a", "B", "1", ".", "'s", "\n", "e\u0301", "-", "  "])
        out.append(text)
    for _ in range(1500):
        text = words(r, 1 + r.below(7))
        out.append(cased(r, text) + r.pick(PUNCTUATION + [""]))
    for _ in range(900):
        text = ""
        for _ in range(2 + r.below(6)):
            text += cased(r, r.pick(WORDS)) + r.pick(PUNCTUATION) * (1 + r.below(3)) + r.pick(["", " ", "\n", "/"])
        out.append(text)
    for _ in range(1000):
        text = ""
        for _ in range(2 + r.below(7)):
            text += r.pick(SPACES) * (1 + r.below(4)) + r.pick([r.pick(WORDS), "", r.pick(PUNCTUATION), "7"])
        out.append(text)
    for _ in range(800):
        script = r.pick(SCRIPTS)
        start = r.below(len(script) - 4)
        text = script[start:start + 4 + r.below(24)]
        out.append(text + r.pick(["", " ", words(r, 2), r.pick(SCRIPTS)[:9], "\n", r.pick(PUNCTUATION)]))
    for _ in range(900):
        text = "".join(r.pick(CODE) for _ in range(1 + r.below(2)))
        start = r.below(len(text) // 2)
        out.append(text[start:start + 60])
    for _ in range(400):
        text = ""
        for _ in range(1 + r.below(6)):
            text += r.pick(EMOJI) + r.pick(["", "", " ", "a", "\u200d", "\ufe0f"])
        out.append(text)
    digits = "0123456789" * 3 + "٣४๕５²½Ⅷ①〇𝟘𑁦"
    for _ in range(600):
        text = ""
        for _ in range(1 + r.below(14)):
            text += r.pick(digits)
            if r.below(5) == 0:
                text += r.pick([".", ",", " ", "-", "e", "  ", "\n", "'s"])
        out.append(text)
    marks = [(0x300, 0x36F), (0x483, 0x489), (0x591, 0x5BD), (0x610, 0x65F), (0x93C, 0x94D), (0x1AB0, 0x1ACE),
             (0x1DC0, 0x1DFF), (0x20D0, 0x20F0), (0x302A, 0x3030), (0xFE20, 0xFE2F), (0x1D165, 0x1D169), (0x11A33, 0x11A3A)]
    bases = "aeAoOsIqΑωйक가각각한åÅÅüｶﾞ한ﬁⅣﷺ"
    for _ in range(900):
        text = ""
        for _ in range(1 + r.below(6)):
            text += r.pick(bases)
            for _ in range(r.below(5)):
                text += scalar(r, *r.pick(marks))
            text += r.pick(["", "", " "])
        out.append(text)
    for _ in range(900):
        text = ""
        for _ in range(1 + r.below(4)):
            text += r.pick(["", " ", "  ", "a", "x ", "\n", words(r, 1), "你好"]) + r.pick(SPECIALS)
            text += r.pick(["", " ", "  ", "b", " y", "\n", "!", words(r, 1)])
        out.append(text)
    for _ in range(500):
        out.append("".join(scalar(r, 0, 0x110000) for _ in range(1 + r.below(9))))
    for unit in ["a", " ", "\n", "ab", "\u2581", "1", "!", "你", "é", "😀", "aA", " a", "'s", "\u0301", "\u00a0", "the "]:
        out.append(unit * 300)
        out.append(unit * (17 + r.below(60)) + "x")
    out = [text.encode("utf-8") for text in out]
    for _ in range(1000):
        data = b""
        for _ in range(1 + r.below(5)):
            data += r.pick([r.pick(WORDS).encode(), b" ", b"", r.pick(EMOJI).encode(), r.pick(SCRIPTS)[:3].encode()])
            data += r.pick(BAD) if r.below(3) else bytes(r.below(256) for _ in range(1 + r.below(6)))
        out.append(data[: 1 + r.below(len(data))])
    return out


def corpus(seed=7):
    """Text to train the small tokenizers on."""
    r = Random(seed)
    lines = []
    for _ in range(2500):
        kind = r.below(10)
        if kind < 5:
            text = words(r, 4 + r.below(12))
            lines.append(text.capitalize() + r.pick([".", "!", "?", ",", ";", "...", ""]))
        elif kind < 8:
            lines.append(r.pick(SCRIPTS))
        elif kind < 9:
            lines.append(r.pick(CODE))
        else:
            lines.append(str(r.below(10**6)) + " " + r.pick(EMOJI) + " " + "  " * r.below(5) + r.pick(WORDS))
    return lines


def pack(strings):
    """Length (little-endian 16 bits) and bytes of each."""
    return b"".join(len(s).to_bytes(2, "little") + s for s in strings)


def unpack(data):
    strings, at = [], 0
    while at < len(data):
        n = int.from_bytes(data[at:at + 2], "little")
        strings.append(data[at + 2:at + 2 + n])
        at += 2 + n
    return strings
