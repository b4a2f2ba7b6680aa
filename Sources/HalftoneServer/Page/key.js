// Asks for the API key.

import { byID } from './dom.js';

/** The key that a person gives, or null; `wasRefused` says that the last one was wrong. */
export function askForKey(wasRefused) {
  const dialog = byID('key-dialog');
  const input = byID('key');
  byID('key-text').textContent = wasRefused
    ? 'The server does not know this key. Another one?'
    : 'This server answers only with its key. It is kept until this tab is closed.';
  input.value = '';
  dialog.returnValue = '';
  dialog.showModal();
  return new Promise(resolve => {
    byID('key-form').onsubmit = event => {
      event.preventDefault();
      dialog.close(input.value.trim());
    };
    byID('key-cancel').onclick = () => dialog.close('');
    dialog.onclose = () => resolve(dialog.returnValue || null);
  });
}
