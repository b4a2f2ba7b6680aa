// One prompt, two models, side by side; then where the compressed one departs.

import { fetchJSON, paths } from './api.js';
import { endingOf, input, isChat, speedOf, streamAnswer } from './answer.js';
import { announce, button, byID, element, submitOnEnter } from './dom.js';
import { drawMarkdown } from './markdown.js';
import { bindPicker, factsOf, models } from './models.js';
import { percent, short } from './numbers.js';
import { drawTokens } from './tokens.js';

const chosen = { reference: null, compressed: null };
let running = null;

export function startCompare() {
  models.addEventListener('list', chooseAtFirst);
  bindPicker(byID('reference-model'), () => chosen.reference, id => { chosen.reference = id; });
  bindPicker(byID('compressed-model'), () => chosen.compressed, id => { chosen.compressed = id; });
  byID('compare-form').addEventListener('submit', event => {
    event.preventDefault();
    run();
  });
  submitOnEnter(byID('compare-prompt'));
  byID('compare-stop').addEventListener('click', () => running?.abort());
  byID('compare').addEventListener('keydown', event => {
    if (event.key === 'Escape') running?.abort();
  });
}

/** The model with the most bits per weight is the reference, that with the fewest the other. */
function chooseAtFirst() {
  const byBits = [...models.list].sort((one, other) =>
    (other.halftone?.bits_per_weight ?? 0) - (one.halftone?.bits_per_weight ?? 0));
  if (!models.find(chosen.reference)) chosen.reference = byBits[0]?.id ?? null;
  if (!models.find(chosen.compressed)) chosen.compressed = byBits.at(-1)?.id ?? null;
  if (models.list.length === 1) {
    byID('compare-body').replaceChildren(element('p', { class: 'notice' },
      'This server has one model. To see what compression changed, serve the float model beside '
      + 'it: ', element('code', {}, 'halftone serve MODEL COMPRESSED')));
  }
}

async function run() {
  const fields = ['compare-prompt', 'compare-temperature', 'compare-tokens'].map(byID);
  const wrong = fields.find(field => !field.checkValidity());
  if (wrong) wrong.reportValidity();
  if (wrong || running || !models.find(chosen.reference)) return;

  const [reference, compressed] = [chosen.reference, chosen.compressed].map(id => models.find(id));
  // Both get the same text: turns only where both take turns.
  const areChats = isChat(reference) && isChat(compressed);
  const taking = model => ({ ...model, halftone: { ...model.halftone, chat: areChats } });
  const messages = [{ role: 'user', content: fields[0].value }];
  const settings = { temperature: fields[1].value, max_tokens: fields[2].value };
  for (const name of Object.keys(settings)) {
    if (settings[name] === '') delete settings[name];
    else settings[name] = Number(settings[name]);
  }

  const controller = new AbortController();
  setRunning(controller);
  const sides = [makeSide('Reference', reference), makeSide('Compressed', compressed)];
  const summary = element('div', { class: 'summary' });
  byID('compare-body').replaceChildren(summary,
    element('div', { class: 'sides' }, sides.map(side => side.node)));
  const records = await Promise.all([reference, compressed].map(async (model, index) => {
    const record = await streamAnswer(taking(model), messages, settings, controller.signal,
      sides[index].follow);
    sides[index].finish(record);
    return record;
  }));
  const isWhole = records.every(record => !record.error);
  if (isWhole && !controller.signal.aborted && records[1].text) {
    await measure({
      model: compressed.id, reference: reference.id, answer: records[1].text,
      ...input(taking(compressed), messages),
    }, summary, sides[1], controller.signal);
  } else if (isWhole && !records[1].text) {
    summary.replaceChildren(element('p', { class: 'muted' },
      'The compressed model had nothing to say, so there is nothing to measure.'));
  }
  if (running === controller) setRunning(null);
}

/** One model's column. */
function makeSide(title, model) {
  const body = element('div', { class: 'said prose' });
  const foot = element('div', { class: 'foot' });
  const node = element('article', { class: 'side', 'aria-busy': 'true',
    'aria-label': `${title}: ${model.id}` },
  element('h3', {}, element('span', { class: 'who' }, title), model.id),
  element('p', { class: 'facts' }, factsOf(model)), body, foot);
  let latest = null;
  return {
    node, body,
    follow: record => {
      if (!latest) {
        requestAnimationFrame(() => {
          if (latest) drawMarkdown(body, latest.text);
          latest = null;
        });
      }
      latest = record;
    },
    finish: record => {
      latest = null;
      node.removeAttribute('aria-busy');
      drawMarkdown(body, record.text);
      const ending = endingOf(record);
      foot.replaceChildren(...[
        record.error && element('div', { class: 'error', role: 'alert' },
          element('p', {}, record.error), button('Try again', run)),
        ending && element('p', { class: 'ending' }, ending),
        element('p', { class: 'speed' }, speedOf(record)),
      ].filter(Boolean));
    },
  };
}

/** Asks how far the models are apart at each token of an answer, and colours it. */
async function measure(body, summary, side, signal) {
  summary.replaceChildren(element('p', { class: 'muted' }, 'Measuring token by token…'));
  try {
    const found = await fetchJSON(paths.divergence, { body, signal });
    const mean = short(found.mean_divergence);
    const same = percent(found.same_choice, 1);
    summary.replaceChildren(element('dl', { class: 'figures' },
      element('div', {}, element('dt', {}, 'nats per token, mean divergence'),
        element('dd', { id: 'mean-divergence' }, mean)),
      element('div', {}, element('dt', {}, 'of tokens: both choose the same'),
        element('dd', { id: 'same-choice' }, same))));
    side.body.className = 'said';
    side.body.markdownSources = null;
    side.body.replaceChildren(...drawTokens(found));
    announce(`Mean divergence ${mean} nats per token; both choose the same for ${same} of tokens.`);
  } catch (error) {
    if (signal.aborted) {
      summary.replaceChildren();
      return;
    }
    summary.replaceChildren(element('div', { class: 'error', role: 'alert' },
      element('p', {}, `The answers could not be measured. ${error.message}`),
      button('Try again', () => measure(body, summary, side, new AbortController().signal))));
  }
}

function setRunning(controller) {
  const hadFocus = [byID('compare-run'), byID('compare-stop')].includes(document.activeElement);
  running = controller;
  byID('compare-run').hidden = Boolean(running);
  byID('compare-stop').hidden = !running;
  if (hadFocus) byID(running ? 'compare-stop' : 'compare-run').focus({ preventScroll: true });
}
