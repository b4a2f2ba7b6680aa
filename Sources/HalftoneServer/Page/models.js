// The models that the server offers, and the one that is looked at: shared by all views.

import { fetchJSON, paths } from './api.js';
import { element } from './dom.js';
import { bits, bytes, grouped, joined } from './numbers.js';

const currentName = 'halftone.model';

/**
 * Says `list` when the models have been read, and `current` when another one is looked at or it
 * has become another variant.
 */
class Models extends EventTarget {
  list = [];
  currentID = sessionStorage.getItem(currentName);
  #details = new Map();

  async load() {
    const answer = await fetchJSON(paths.models);
    this.list = answer.data;
    if (!this.find(this.currentID)) this.currentID = this.list[0]?.id ?? null;
    this.dispatchEvent(new Event('list'));
    this.dispatchEvent(new Event('current'));
  }

  find(id) {
    return this.list.find(model => model.id === id);
  }

  get current() {
    return this.find(this.currentID);
  }

  choose(id) {
    this.currentID = id;
    sessionStorage.setItem(currentName, id);
    this.dispatchEvent(new Event('current'));
  }

  /** A model in full, read once for each variant. */
  async detail(id) {
    if (!this.#details.has(id)) this.#details.set(id, await fetchJSON(paths.model(id)));
    return this.#details.get(id);
  }

  /** Switches a model to another of its stored forms. */
  async switchVariant(id, variant) {
    this.#details.set(id, await fetchJSON(paths.variant(id), { body: { variant } }));
    // What the list says of sizes has changed with it.
    await this.load();
  }
}

export const models = new Models();

/** Keeps a picker filled with the models; `choose` gets the id that a person picks. */
export function bindPicker(select, current, choose) {
  const refill = () => {
    select.replaceChildren(...models.list.map(model => element('option', { value: model.id },
      model.id)));
    select.disabled = models.list.length === 0;
    select.value = current() ?? '';
  };
  models.addEventListener('list', refill);
  models.addEventListener('current', () => { select.value = current() ?? ''; });
  select.addEventListener('change', () => choose(select.value));
}

/** A picker of the model that all views look at. */
export function bindCurrentPicker(select) {
  bindPicker(select, () => models.currentID, id => models.choose(id));
}

/** `3.55 bits per weight · 59.8 MB · 8,192 tokens of context`. */
export function factsOf(model) {
  const facts = model?.halftone;
  if (!facts) return '';
  return joined([
    `${bits(facts.bits_per_weight)} bits per weight`, bytes(facts.bytes),
    facts.context_length && `${grouped(facts.context_length)} tokens of context`,
  ]);
}
