// Building nodes. Text is only ever set as text, never parsed as markup.

const svgNamespace = 'http://www.w3.org/2000/svg';

function fill(node, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? '' : value);
  }
  const given = child => child !== undefined && child !== null && child !== false;
  node.append(...children.flat(Infinity).filter(given));
  return node;
}

/** An element; properties named `onclick` and the like become listeners. */
export function element(tag, properties = {}, ...children) {
  return fill(document.createElement(tag), properties, children);
}

/** An element of a drawing. */
export function svg(tag, properties = {}, ...children) {
  return fill(document.createElementNS(svgNamespace, tag), properties, children);
}

/** A button that submits nothing. */
export function button(text, onclick, properties = {}) {
  return element('button', { type: 'button', onclick, ...properties }, text);
}

export function byID(id) {
  return document.getElementById(id);
}

/** Says something to those who listen to the page; used for what has no place of its own. */
export function announce(text) {
  const region = byID('announcements');
  region.textContent = '';
  // A region that is filled again at once is not read again.
  setTimeout(() => { region.textContent = text; }, 60);
}

/** Lets Enter submit the form of a text area, and Shift and Enter begin a new line. */
export function submitOnEnter(area) {
  area.addEventListener('keydown', event => {
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    area.form.requestSubmit();
  });
}

/**
 * Moves the focus among `items` of `container` with the arrow keys: one of them is in the order of
 * Tab. `step` gives the place to go to for a key, or undefined.
 */
export function rove(container, items, step, onArrive = () => {}) {
  let current = 0;
  const arrive = index => {
    items[current]?.setAttribute('tabindex', '-1');
    current = index;
    items[current]?.setAttribute('tabindex', '0');
    onArrive(items[current], current);
  };
  items.forEach((item, index) => item.setAttribute('tabindex', index ? '-1' : '0'));
  container.addEventListener('keydown', event => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const next = step(event.key, current);
    if (next === undefined || !items[next]) return;
    event.preventDefault();
    items[next].focus();
  });
  container.addEventListener('focusin', event => {
    const index = items.indexOf(event.target);
    if (index >= 0) arrive(index);
  });
  return {
    /** Makes an item the one that Tab comes to, without moving the focus. */
    settle: index => {
      items[current]?.setAttribute('tabindex', '-1');
      current = index;
      items[current]?.setAttribute('tabindex', '0');
    },
  };
}

/** The step of a row of `count` items, for `rove`. */
export function stepInRow(count) {
  return (key, at) => ({
    ArrowRight: Math.min(count - 1, at + 1), ArrowDown: Math.min(count - 1, at + 1),
    ArrowLeft: Math.max(0, at - 1), ArrowUp: Math.max(0, at - 1), Home: 0, End: count - 1,
  })[key];
}
