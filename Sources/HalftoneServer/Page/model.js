// The model view: what it costs, where its bits are, what other sizes would lose, what it does now.

import { frontierChart, frontierText, partsBar } from './charts.js';
import { announce, button, byID, element } from './dom.js';
import { live } from './live.js';
import { matricesSection } from './matrices.js';
import { bindCurrentPicker, models } from './models.js';
import { bits, bytes, duration, grouped, short, speed } from './numbers.js';

let isShown = false;
/** What is drawn, so that coming back to the view keeps it. */
let drawn = null;

export function startModelView() {
  const view = byID('model');
  bindCurrentPicker(byID('shown-model'));
  view.addEventListener('shown', () => { isShown = true; show(); });
  view.addEventListener('left', () => { isShown = false; });
  models.addEventListener('current', show);
}

async function show() {
  const id = models.currentID;
  if (!isShown || !id) return;
  const body = byID('model-body');
  let model;
  if (!drawn) body.replaceChildren(element('p', { class: 'muted' }, 'Reading the model…'));
  try {
    model = await models.detail(id);
  } catch (error) {
    drawn = null;
    body.replaceChildren(element('div', { class: 'error', role: 'alert' },
      element('p', {}, `This model could not be read. ${error.message}`),
      button('Try again', show)));
    return;
  }
  if (models.currentID !== id || drawn === model) return;
  drawn = model;
  body.replaceChildren(...[
    figures(model), variantsSection(model), kindsSection(model), matricesSection(model),
    frontierSection(model), nowSection(model),
  ].filter(Boolean));
}

function part(title, ...content) {
  const id = `part-${title.toLowerCase().replaceAll(' ', '-')}`;
  return element('section', { class: 'part', 'aria-labelledby': id },
    element('h3', { id }, title), content);
}

/** Names with values, as a list. */
function pairs(className, entries) {
  return element('dl', { class: className }, entries.map(([name, value]) =>
    element('div', {}, element('dt', {}, name), element('dd', {}, value))));
}

function figures(model) {
  return pairs('figures', [
    ['bits per weight', bits(model.bits_per_weight)],
    ['on disk', bytes(model.bytes)],
    ['parameters', model.parameters >= 1e6
      ? `${(model.parameters / 1e6).toFixed(1)} M` : grouped(model.parameters)],
    ['tokens of context', grouped(model.context_length)],
    [`layers, ${model.architecture}`, grouped(model.layers)],
  ]);
}

function variantsSection(model) {
  if (model.variants.length < 2) return null;
  const trouble = element('div');
  const change = async variant => {
    trouble.replaceChildren(element('p', { class: 'muted' }, `Switching to ${variant.name}…`));
    for (const other of list.querySelectorAll('button')) other.disabled = true;
    try {
      await models.switchVariant(model.id, variant.name);
      announce(`${variant.name} is in use.`);
      byID('model-body').querySelector('.variants')?.focus();
    } catch (error) {
      for (const other of list.querySelectorAll('button')) other.disabled = false;
      trouble.replaceChildren(element('div', { class: 'error', role: 'alert' },
        element('p', {}, error.message), button('Try again', () => change(variant))));
    }
  };
  const list = element('ul', { class: 'variants', tabindex: '-1' }, model.variants.map(variant =>
    element('li', { 'aria-current': variant.active ? 'true' : null },
      element('span', {}, variant.name), element('span', { class: 'value' }, bytes(variant.bytes)),
      variant.active ? element('span', { class: 'state' }, 'in use')
        : button('Use', () => change(variant), { 'aria-label': `Use ${variant.name}` }))));
  return part('Stored sizes', list, trouble, element('p', { class: 'muted' },
    'Answers that have begun finish with the size that they began with.'));
}

function kindsSection(model) {
  if (!model.bytes_by_kind.length) return null;
  return part('Bytes by kind', partsBar(model.bytes_by_kind));
}

function frontierSection(model) {
  if (!model.frontier.length) return null;
  const readout = element('p', { class: 'readout' });
  const read = point => { readout.textContent = frontierText(point); };
  read(model.frontier.find(point => point.chosen) ?? model.frontier[0]);
  const number = text => element('td', { class: 'end' }, text);
  return part('The frontier',
    element('p', { class: 'muted' }, 'What each size loses against the float model. Nothing that '
      + 'was tried is both smaller and nearer than a point on the line.'),
    frontierChart(model.frontier, read), readout,
    element('details', {}, element('summary', {}, 'As a table'), element('table', {},
      element('thead', {}, element('tr', {}, element('th', { scope: 'col' }, 'size'),
        ['bytes', 'bits per weight', 'divergence, nats'].map(name =>
          element('th', { scope: 'col', class: 'end' }, name)))),
      element('tbody', {}, model.frontier.map(point => element('tr', {},
        element('th', { scope: 'row' }, point.name + (point.chosen ? ' (chosen)' : '')),
        number(grouped(point.bytes)), number(bits(point.bits_per_weight)),
        number(short(point.divergence))))))));
}

/** What the server does with this model, as of the last second. */
function nowSection(model) {
  const place = element('div');
  const section = part('Now', place);
  const update = () => {
    if (drawn !== model) {
      live.removeEventListener('status', update);
      return;
    }
    const status = live.latest;
    const now = status?.models.find(other => other.id === model.id);
    if (!now) return;
    place.replaceChildren(pairs('pairs', [
      ['tokens/s', speed(now.tokens_per_second)],
      ['prompt tokens/s', speed(now.prompt_tokens_per_second)],
      ['answers being made', grouped(now.active)],
      ['waiting', `${grouped(now.waiting)} of at most ${grouped(now.queue_limit)}`],
      ['tokens in the cache', grouped(now.cached_tokens)],
      ['cache', `${bytes(now.cache_bytes)} of ${bytes(now.cache_limit_bytes)}`],
      ['memory of the server', bytes(status.resident_bytes)],
      ['running for', duration(status.uptime_seconds)],
    ]));
  };
  live.addEventListener('status', update);
  update();
  return section;
}
