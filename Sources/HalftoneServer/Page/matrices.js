// Bits and damage of each matrix, and how the weights of the chosen one are spread.

import { fetchJSON, paths } from './api.js';
import { histogram } from './charts.js';
import { announce, button, element } from './dom.js';
import { heatMap } from './heatmap.js';
import { bits, bytes, grouped, joined, percent, short } from './numbers.js';

const measures = {
  bits: {
    title: 'Bits per weight', unit: 'bits per weight', format: bits, isLogarithmic: false,
    of: matrix => matrix.bits_per_weight,
  },
  damage: {
    title: 'Expected damage', unit: 'nats per token expected', format: short, isLogarithmic: true,
    of: matrix => matrix.damage,
  },
};

/** The section of a model in full. */
export function matricesSection(model) {
  const place = element('div');
  const readout = element('p', { class: 'readout' });
  const panel = element('div', { class: 'distribution' });
  const hint = 'Point at a cell, or move with the arrow keys. '
    + 'Click or Enter shows how the weights are spread.';
  const hasDamage = model.matrices.some(matrix => matrix.damage > 0);
  const context = {
    readout,
    read: text => { readout.textContent = text ?? hint; },
    open: matrix => showDistribution(panel, model, matrix),
  };
  const draw = measure => {
    context.read();
    place.replaceChildren(...drawMap(model, measure, context));
  };

  const choice = hasDamage && element('fieldset', { class: 'choice' },
    element('legend', { class: 'unseen' }, 'What the map shows'),
    Object.entries(measures).map(([name, measure]) => element('label', {},
      element('input', { type: 'radio', name: 'measure', value: name, checked: name === 'bits',
        onchange: () => draw(measure) }), element('span', {}, measure.title))));
  draw(measures.bits);
  return element('section', { class: 'part', 'aria-labelledby': 'matrices-title' },
    element('h3', { id: 'matrices-title' }, 'Where the bits are'),
    choice, place, panel, asTable(model.matrices, context.open));
}

function drawMap(model, measure, { readout, read, open }) {
  const inLayers = model.matrices.filter(matrix => matrix.layer !== null);
  const outside = model.matrices.filter(matrix => matrix.layer === null);
  const say = matrix => {
    const value = measure.of(matrix);
    return value === null ? 'unknown' : `${measure.format(value)} ${measure.unit}`;
  };
  const parts = [];
  if (inLayers.length) {
    const rows = [...new Set(inLayers.map(matrix => matrix.role))];
    const layers = Array.from({ length: 1 + Math.max(...inLayers.map(matrix => matrix.layer)) },
      (_, layer) => layer);
    parts.push(...heatMap({
      title: `${measure.title}, by layer`, rows, columns: layers, columnName: 'layer',
      isLogarithmic: measure.isLogarithmic, format: measure.format,
      cells: gathered(inLayers, measure.of).map(({ matrices, value }) => {
        const [first] = matrices;
        const where = `${first.role}, layer ${first.layer}`;
        const text = matrices.length === 1
          ? `${where}: ${say(first)}, ${first.form}`
          : `${where}: ${value === null ? 'unknown' : measure.format(value)} ${measure.unit}, `
            + `mean of ${matrices.length} matrices`;
        return { row: rows.indexOf(first.role), column: first.layer, value, text, matrix: first };
      }),
      onRead: cell => read(cell?.text), onOpen: cell => open(cell.matrix),
    }), readout);
  }
  if (outside.length) {
    parts.push(element('ul', { class: 'outside', 'aria-label': 'Outside the layers' },
      outside.map(matrix => element('li', {},
        button(`${matrix.role}: ${say(matrix)}`, () => open(matrix))))));
  }
  return parts;
}

/** Matrices by layer and role; where there are several, as with experts, with their mean. */
function gathered(matrices, valueOf) {
  const groups = new Map();
  for (const matrix of matrices) {
    const place = `${matrix.layer} ${matrix.role}`;
    groups.set(place, [...groups.get(place) ?? [], matrix]);
  }
  return [...groups.values()].map(group => {
    const known = group.filter(matrix => valueOf(matrix) !== null);
    const weights = matrix => matrix.rows * matrix.columns;
    const sum = known.reduce((total, matrix) => total + valueOf(matrix) * weights(matrix), 0);
    const count = known.reduce((total, matrix) => total + weights(matrix), 0);
    return { matrices: group, value: count ? sum / count : null };
  });
}

async function showDistribution(panel, model, matrix) {
  const facts = joined([
    `${grouped(matrix.rows)} × ${grouped(matrix.columns)}`, matrix.form, bytes(matrix.bytes),
    `${bits(matrix.bits_per_weight)} bits per weight`,
    matrix.damage !== null && `${short(matrix.damage)} nats per token expected`,
  ]);
  const show = (...content) => {
    panel.replaceChildren(element('h4', {}, matrix.name), element('p', { class: 'facts' }, facts),
      ...content);
    panel.scrollIntoView({ block: 'nearest' });
  };
  panel.dataset.matrix = matrix.name;
  show(element('p', { class: 'muted' }, 'Reading its weights…'));
  try {
    const found = await fetchJSON(paths.matrix(model.id, matrix.name));
    // Another one was asked for since.
    if (panel.dataset.matrix !== matrix.name) return;
    const spread = `Values from ${short(found.least)} to ${short(found.most)}, `
      + `root mean square ${short(found.rms)}, ${percent(found.zeros, 1)} zeros.`;
    show(histogram(found), element('p', { class: 'muted' }, spread));
    announce(`${matrix.name}. ${spread}`);
  } catch (error) {
    if (panel.dataset.matrix !== matrix.name) return;
    show(element('div', { class: 'error', role: 'alert' }, element('p', {}, error.message),
      button('Try again', () => showDistribution(panel, model, matrix))));
  }
}

/** The same as a table, made when it is opened; `open` gets the matrix whose name is pressed. */
function asTable(matrices, open) {
  const number = text => element('td', { class: 'end' }, text);
  const names = ['matrix', 'shape', 'stored as', 'bits per weight', 'bytes', 'damage, nats'];
  const details = element('details', {
    ontoggle: () => {
      if (!details.open || details.children.length > 1) return;
      details.append(element('div', { class: 'scroll', tabindex: '0', role: 'region',
        'aria-label': 'Matrices' },
      element('table', {},
        element('thead', {}, element('tr', {}, names.map((name, index) =>
          element('th', { scope: 'col', class: [0, 2].includes(index) ? null : 'end' }, name)))),
        element('tbody', {}, matrices.map(matrix => element('tr', {},
          element('th', { scope: 'row' },
            button(matrix.name, () => open(matrix), { class: 'plain' })),
          number(`${grouped(matrix.rows)} × ${grouped(matrix.columns)}`),
          element('td', {}, matrix.form), number(bits(matrix.bits_per_weight)),
          number(grouped(matrix.bytes)), number(short(matrix.damage))))))));
    },
  }, element('summary', {}, 'As a table'));
  return details;
}
