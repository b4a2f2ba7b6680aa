// Starts the page: the key, the views, the models.

import { setKeyPrompt } from './api.js';
import { startChat } from './chat.js';
import { startCompare } from './compare.js';
import { button, byID, element } from './dom.js';
import { askForKey } from './key.js';
import { startLive } from './live.js';
import { models } from './models.js';
import { startModelView } from './model.js';
import { startTabs } from './tabs.js';

setKeyPrompt(askForKey);
startChat();
startModelView();
startCompare();
startTabs(document.querySelector('[role=tablist]'));
load();

async function load() {
  const trouble = byID('trouble');
  trouble.replaceChildren();
  try {
    await models.load();
    startLive(byID('live'));
  } catch (error) {
    trouble.replaceChildren(element('div', { class: 'error', role: 'alert' },
      element('p', {}, `The models could not be read. ${error.message}`),
      button('Try again', load)));
  }
}
