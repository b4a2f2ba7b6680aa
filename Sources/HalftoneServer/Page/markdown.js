// Markdown as models write it, drawn as nodes: never markup from the text, never anything fetched.

import { element } from './dom.js';

const deepest = 6;
const fence = /^ {0,3}(`{3,}|~{3,})\s*([^`]*)$/;
const heading = /^ {0,3}(#{1,6})\s+(.*?)\s*#*\s*$/;
const rule = /^ {0,3}([-*_])(\s*\1){2,}\s*$/;
const quote = /^ {0,3}> ?/;
const item = /^(\s*)([-*+]|\d{1,9}[.)])(\s+|$)(.*)$/;
const tableRule = /^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/;

/**
 * Draws a text into a container that may hold an earlier, shorter state of it.
 *
 * Blocks that have not changed keep their nodes, so a stream costs its last block, and a selection
 * in what was already there stays.
 */
export function drawMarkdown(container, text) {
  const blocks = split(text.split('\n'));
  const drawn = container.markdownSources ?? [];
  const first = blocks.find(block => block.kind === 'heading');
  const top = first ? heading.exec(first.source)[1].length : 1;
  blocks.forEach((block, index) => {
    if (drawn[index] === block.source) return;
    const node = draw(block, 0, top);
    if (container.children[index]) container.children[index].replaceWith(node);
    else container.append(node);
  });
  while (container.children.length > blocks.length) container.lastElementChild.remove();
  container.markdownSources = blocks.map(block => block.source);
}

/** The blocks of some lines: what kind each is, and its lines. */
function split(lines) {
  const blocks = [];
  let at = 0;
  const take = (kind, end, more = {}) => {
    const own = lines.slice(at, end);
    blocks.push({ kind, lines: own, source: own.join('\n'), ...more });
    at = end;
  };
  while (at < lines.length) {
    const line = lines[at];
    if (!line.trim()) at += 1;
    else if (fence.test(line)) take('code', endOfFence(lines, at));
    else if (heading.test(line)) take('heading', at + 1);
    else if (rule.test(line)) take('rule', at + 1);
    else if (quote.test(line)) take('quote', endWhile(lines, at, next => quote.test(next)));
    else if (item.test(line)) take('list', endOfList(lines, at));
    else if (isTable(lines, at)) take('table', endWhile(lines, at + 1, next => next.includes('|')));
    else take('paragraph', endOfParagraph(lines, at));
  }
  return blocks;
}

function endWhile(lines, start, holds) {
  let end = start + 1;
  while (end < lines.length && holds(lines[end])) end += 1;
  return end;
}

function endOfFence(lines, start) {
  const [, mark] = fence.exec(lines[start]);
  const isEnd = line => line.trim().startsWith(mark) && !line.trim().replaceAll(mark[0], '');
  for (let end = start + 1; end < lines.length; end += 1) if (isEnd(lines[end])) return end + 1;
  return lines.length;
}

/** A list goes on over items, indented lines, and blank lines before either. */
function endOfList(lines, start) {
  const indent = item.exec(lines[start])[1].length;
  const isOrdered = line => /^\s*\d/.test(line);
  const goesOn = line => {
    const found = item.exec(line);
    if (/^\s/.test(line) && line.search(/\S/) > indent) return true;
    return found && !rule.test(line) && isOrdered(line) === isOrdered(lines[start]);
  };
  let end = start + 1;
  for (let next = end; next < lines.length; next += 1) {
    if (!lines[next].trim()) continue;
    // Right below, a line that begins nothing of its own belongs to the item.
    const isLazy = next === end && next > start && lines[next - 1].trim()
      && !beginsBlock(lines, next);
    if (!goesOn(lines[next]) && !isLazy) break;
    end = next + 1;
  }
  return end;
}

function isTable(lines, at) {
  return lines[at].includes('|') && at + 1 < lines.length && lines[at + 1].includes('-')
    && tableRule.test(lines[at + 1]);
}

function beginsBlock(lines, at) {
  return [fence, heading, rule, quote, item].some(kind => kind.test(lines[at]))
    || isTable(lines, at);
}

function endOfParagraph(lines, start) {
  let end = start + 1;
  while (end < lines.length && lines[end].trim() && !beginsBlock(lines, end)) end += 1;
  return end;
}

/** `top` is how many marks a heading of the first level has. */
function draw(block, depth, top = 1) {
  const { lines } = block;
  switch (block.kind) {
  case 'code': return drawCode(lines);
  case 'heading': {
    const [, marks, text] = heading.exec(lines[0]);
    // Below the page's own headings, whatever the text begins with.
    const level = Math.min(6, 3 + Math.max(0, marks.length - top));
    return element(`h${level}`, {}, inline(text));
  }
  case 'rule': return element('hr');
  case 'quote': {
    const inner = lines.map(line => line.replace(quote, ''));
    return element('blockquote', {}, drawInner(inner, depth));
  }
  case 'list': return drawList(lines, depth);
  case 'table': return drawTable(lines);
  default: return element('p', {}, inline(lines.map(line => line.trim()).join('\n')));
  }
}

function drawInner(lines, depth) {
  if (depth >= deepest) return [element('p', {}, lines.join('\n'))];
  return split(lines).map(block => draw(block, depth + 1));
}

function drawCode(lines) {
  const [, mark, info] = fence.exec(lines[0]);
  const last = lines.at(-1).trim();
  const isClosed = lines.length > 1 && last.startsWith(mark) && !last.replaceAll(mark[0], '');
  const code = lines.slice(1, isClosed ? -1 : undefined).join('\n');
  const language = info.trim().split(/\s/)[0];
  return element('pre', { tabindex: '0', 'aria-label': language ? `Code, ${language}` : 'Code',
    role: 'region' }, element('code', {}, code));
}

function drawList(lines, depth) {
  const opening = item.exec(lines[0]);
  const items = [];
  for (const line of lines) {
    const found = item.exec(line);
    if (found && found[1].length <= opening[1].length + 1) {
      const width = found[1].length + found[2].length + Math.min(4, found[3].length || 1);
      items.push({ width, lines: [found[4]] });
    } else {
      const own = items.at(-1);
      own.lines.push(line.slice(Math.min(own.width, Math.max(0, line.search(/\S/)))));
    }
  }
  const number = parseInt(opening[2], 10);
  const isOrdered = !Number.isNaN(number);
  // Where no blank line parts them, items are text, not paragraphs.
  const isTight = lines.every(line => line.trim());
  return element(isOrdered ? 'ol' : 'ul', { start: isOrdered && number !== 1 ? number : null },
    items.map(own => {
      const [first, ...rest] = drawInner(own.lines, depth);
      const isText = isTight && first?.tagName === 'P';
      return element('li', {}, isText ? [...first.childNodes] : first, rest);
    }));
}

function drawTable(lines) {
  const cells = line => line.trim().replace(/^\||(?<!\\)\|$/g, '').split(/(?<!\\)\|/)
    .map(text => text.trim().replaceAll('\\|', '|'));
  const sides = cells(lines[1]).map(mark =>
    mark.endsWith(':') ? (mark.startsWith(':') ? 'center' : 'end') : null);
  const names = cells(lines[0]);
  const row = (tag, texts) => element('tr', {}, names.map((_, column) =>
    element(tag, { class: sides[column] }, inline(texts[column] ?? ''))));
  return element('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'Table' },
    element('table', {}, element('thead', {}, row('th', names)),
      element('tbody', {}, lines.slice(2).map(line => row('td', cells(line))))));
}

// Within a line. Each is tried where the text has got to (`y`), and its repetitions have bounds:
// a model can write anything.
const link = new RegExp([
  /!?\[((?:[^[\]\n]|\[[^[\]\n]{0,200}\]){0,400})\]/,
  /\(\s{0,8}<?((?:[^\s<>()]|\([^\s<>()]{0,500}\)){0,2000})>?/,
  /(?:\s{1,8}"[^"\n]{0,300}")?\s{0,8}\)/,
].map(part => part.source).join(''), 'y');
const bareLink = /<?(https?:\/\/[^\s<>"]*[^\s<>".,;:!?'*_)\]])>?/y;
const marks = { '**': 'strong', '__': 'strong', '*': 'em', '_': 'em', '~~': 'del' };

/** The nodes of a text with emphasis, code and links. */
function inline(text, depth = 0) {
  const nodes = [];
  const hopeless = new Set();
  let plain = '';
  let at = 0;
  const flush = () => {
    plain.split('\n').forEach((line, index) => {
      if (index) nodes.push(element('br'));
      if (line) nodes.push(line);
    });
    plain = '';
  };
  const push = (node, end) => {
    flush();
    nodes.push(node);
    at = end;
  };
  while (at < text.length) {
    const character = text[at];
    if (character === '\\' && /[!-/:-@[-`{-~]/.test(text[at + 1] ?? '')) {
      plain += text[at + 1];
      at += 2;
      continue;
    }
    const found = depth < deepest && (
      code(text, at, hopeless) ?? linked(text, at, depth) ?? emphasis(text, at, depth, hopeless));
    if (found) {
      push(found.node, found.end);
    } else {
      plain += character;
      at += 1;
    }
  }
  flush();
  return nodes;
}

function code(text, at, hopeless) {
  if (text[at] !== '`' || text[at - 1] === '`') return null;
  const [mark] = /^`+/.exec(text.slice(at, at + 32));
  if (hopeless.has(mark)) return null;
  let end = text.indexOf(mark, at + mark.length);
  while (end >= 0 && (text[end + mark.length] === '`' || text[end - 1] === '`')) {
    end = text.indexOf(mark, end + 1);
  }
  if (end < 0) {
    hopeless.add(mark);
    return null;
  }
  const inner = text.slice(at + mark.length, end).replaceAll('\n', ' ');
  return { node: element('code', {}, inner.replace(/^ (.*) $/, '$1')), end: end + mark.length };
}

function linked(text, at, depth) {
  if (!'![<h'.includes(text[at])) return null;
  link.lastIndex = at;
  const named = link.exec(text);
  if (named) {
    return { node: anchor(named[2], inline(named[1] || named[2], depth + 1)),
      end: at + named[0].length };
  }
  bareLink.lastIndex = at;
  const bare = /\w/.test(text[at - 1] ?? '') ? null : bareLink.exec(text);
  return bare && { node: anchor(bare[1], bare[1]), end: at + bare[0].length };
}

/** A link to another page; an address that is no page's is left as its text. */
function anchor(address, content) {
  let isPage = false;
  try {
    isPage = /^https?:$/.test(new URL(address).protocol);
  } catch {
    // Not an address of its own, and relative ones would lead into this server.
  }
  if (!isPage) return element('span', {}, content);
  const rel = 'noopener noreferrer nofollow';
  return element('a', { href: address, rel, target: '_blank' }, content);
}

function emphasis(text, at, depth, hopeless) {
  const character = text[at];
  const mark = marks[text.slice(at, at + 2)] ? text.slice(at, at + 2) : character;
  if (!marks[mark] || hopeless.has(mark)) return null;
  const isInWord = place => character === '_' && /[\p{L}\p{N}]/u.test(text[place] ?? '');
  const start = at + mark.length;
  if (/\s/.test(text[start] ?? ' ') || isInWord(at - 1)) return null;
  let end = start;
  for (;;) {
    end = text.indexOf(mark, end + 1);
    if (end < 0) break;
    // A double mark does not close a single one.
    if (mark.length === 1 && text[end + 1] === character) {
      end += 1;
      continue;
    }
    const after = end + mark.length;
    if (!/[\s\\]/.test(text[end - 1]) && !isInWord(after)) {
      // Three in a row close the inner one first.
      const close = mark.length === 2 && text[after] === character ? end + 1 : end;
      const node = element(marks[mark], {}, inline(text.slice(start, close), depth + 1));
      return { node, end: close + mark.length };
    }
  }
  hopeless.add(mark);
  return null;
}
