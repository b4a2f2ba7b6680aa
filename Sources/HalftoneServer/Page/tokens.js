// An answer token by token, coloured by how far two models' predictions were apart there.

import { element, rove, stepInRow } from './dom.js';
import { percent, short } from './numbers.js';

// Where the colours change, in nats: below a hundredth nothing that a reader could notice.
const borders = [0.01, 0.05, 0.2, 1];

function level(divergence) {
  return borders.filter(border => divergence >= border).length;
}

/** The tokens of an answer of the divergence route, with a legend and what is known of each. */
export function drawTokens({ tokens }) {
  const readout = element('div', { class: 'readout token-readout' });
  const items = tokens.map(token => element('span', {
    role: 'option', 'aria-label': spoken(token),
    class: `token level-${level(token.divergence)}${differs(token) ? ' other' : ''}`,
  }, token.text));
  const list = element('div', { class: 'tokens', role: 'listbox',
    'aria-label': 'Tokens of the compressed answer', 'aria-orientation': 'horizontal' }, items);
  const read = index => readout.replaceChildren(...describe(tokens[index]));
  rove(list, items, stepInRow(items.length), (item, index) => {
    list.querySelector('[aria-selected=true]')?.setAttribute('aria-selected', 'false');
    item.setAttribute('aria-selected', 'true');
    read(index);
  });
  list.addEventListener('pointerover', event => {
    const index = items.indexOf(event.target);
    if (index >= 0) read(index);
  });
  list.addEventListener('click', event => {
    if (items.includes(event.target)) event.target.focus();
  });
  readout.append(element('p', {}, 'Point at a token, or move with the arrow keys.'));
  return [list, readout, legend()];
}

function differs(token) {
  return token.reference_choice !== token.text;
}

/** A token with its white space made visible. */
function visible(text) {
  return text.replaceAll('\n', '↵').replaceAll('\t', '⇥').replaceAll(' ', '␣') || '(nothing)';
}

function spoken(token) {
  const text = token.text.trim() || (token.text.includes('\n') ? 'new line' : 'space');
  const choice = differs(token) ? `, the reference would choose ${token.reference_choice.trim()
    || 'white space'}` : '';
  return `${text}: ${short(token.divergence)} nats${choice}`;
}

function describe(token) {
  const mark = text => element('code', {}, visible(text));
  const probability = logprob => percent(Math.exp(logprob), 1);
  return [
    element('p', {}, mark(token.text), ` ${short(token.divergence)} nats of divergence`),
    element('p', {}, `Probability ${probability(token.logprob)} compressed, `
      + `${probability(token.reference_logprob)} in the reference`,
    differs(token) ? [', which would choose ', mark(token.reference_choice)]
      : ', which would choose the same'),
  ];
}

function legend() {
  const entry = (look, name) => element('li', {},
    element('span', { class: `swatch ${look}`, 'aria-hidden': 'true' }), name);
  const names = [`under ${borders[0]}`,
    ...borders.map((border, index) => index + 1 < borders.length
      ? `${border} to ${borders[index + 1]}` : `${border} and more`)];
  return element('ul', { class: 'legend', 'aria-label': 'Divergence in nats' },
    element('li', { class: 'of', 'aria-hidden': 'true' }, 'Nats of divergence'),
    names.map((name, index) => entry(`level-${index}`, name)),
    entry('other', 'the reference would choose another'));
}
