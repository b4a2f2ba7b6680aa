// How answers are to be made: the panel of the chat, kept until the tab is closed.

import { byID } from './dom.js';

const storedName = 'halftone.settings';
const fields = {
  temperature: 'temperature', 'top-p': 'top_p', 'max-tokens': 'max_tokens', seed: 'seed',
};
const initial = { system: '', 'max-tokens': '512' };

/** Opens and closes the panel, and keeps what is written in it. */
export function startSettings() {
  const panel = byID('settings');
  const opener = byID('settings-button');
  const stored = JSON.parse(sessionStorage.getItem(storedName)) ?? initial;
  for (const [id, value] of Object.entries(stored)) if (byID(id)) byID(id).value = value;

  opener.addEventListener('click', () => open(panel.hidden));
  panel.addEventListener('submit', event => event.preventDefault());
  panel.addEventListener('input', () => {
    const all = ['system', ...Object.keys(fields)].map(id => [id, byID(id).value]);
    sessionStorage.setItem(storedName, JSON.stringify(Object.fromEntries(all)));
  });
}

function open(isOpen) {
  byID('settings').hidden = !isOpen;
  byID('settings-button').setAttribute('aria-expanded', String(isOpen));
}

/**
 * The settings as a request has them, or null, after showing why, where one is no number that can
 * be. What is left empty is left to the server.
 */
export function readSettings() {
  const wrong = Object.keys(fields).map(byID).find(input => !input.checkValidity());
  if (wrong) {
    open(true);
    wrong.reportValidity();
    return null;
  }
  const given = Object.entries(fields).filter(([id]) => byID(id).value !== '');
  return Object.fromEntries(given.map(([id, name]) => [name, Number(byID(id).value)]));
}

/** What the model is told before the conversation, if anything. */
export function systemPrompt() {
  return byID('system').value.trim();
}
