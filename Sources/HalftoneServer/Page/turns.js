// The turns of the conversation as they stand on the page.

import { endingOf, speedOf } from './answer.js';
import { copyButton } from './copy.js';
import { button, element, submitOnEnter } from './dom.js';
import { drawMarkdown } from './markdown.js';

/** A person's turn. `actions.edit(text)` runs the conversation again from there. */
export function drawQuestion(turn, actions) {
  const body = element('div', { class: 'said' });
  const foot = element('div', { class: 'foot' });
  const node = element('li', { class: 'turn question' }, element('p', { class: 'who' }, 'You'),
    body, foot);
  const edit = button('Edit', () => editing(), { class: 'plain' });

  const reading = () => {
    body.replaceChildren(element('p', { class: 'verbatim' }, turn.content));
    foot.replaceChildren(edit, copyButton(() => turn.content));
  };
  const editing = () => {
    const area = element('textarea', { 'aria-label': 'Edit the message',
      rows: Math.min(12, turn.content.split('\n').length + 1) });
    const leave = () => {
      reading();
      edit.focus();
    };
    const form = element('form', {
      onsubmit: event => {
        event.preventDefault();
        if (area.value.trim()) actions.edit(area.value.trim());
      },
      onkeydown: event => {
        if (event.key !== 'Escape') return;
        // Of an answer that is being made, Escape here is not the end.
        event.stopPropagation();
        leave();
      },
    }, area, element('div', { class: 'act' },
      element('button', { type: 'submit', class: 'primary' }, 'Run again'),
      button('Cancel', leave)));
    submitOnEnter(area);
    area.value = turn.content;
    body.replaceChildren(form);
    foot.replaceChildren();
    area.focus();
  };
  reading();
  return { node };
}

/** A model's turn. `actions.again()` asks for another answer in its place. */
export function drawAnswer(turn, actions) {
  const body = element('div', { class: 'said prose' });
  const foot = element('div', { class: 'foot' });
  const node = element('li', { class: 'turn answer' },
    element('p', { class: 'who' }, turn.record.model), body, foot);

  return {
    node,
    /** Draws the text as far as it has come. */
    follow: () => {
      node.setAttribute('aria-busy', 'true');
      drawMarkdown(body, turn.content);
    },
    /** Draws the whole turn with what can be done with it. */
    finish: () => {
      const { record } = turn;
      node.removeAttribute('aria-busy');
      drawMarkdown(body, turn.content);
      const ending = endingOf(record)
        || (record.error || turn.content ? '' : 'The model had nothing to say.');
      foot.replaceChildren(...[
        record.error && element('div', { class: 'error' },
          element('p', {}, record.error), button('Try again', actions.again)),
        ending && element('p', { class: 'ending' }, ending),
        !record.error && button('Regenerate', actions.again, { class: 'plain' }),
        turn.content && copyButton(() => turn.content),
        element('p', { class: 'speed' }, speedOf(record)),
      ].filter(Boolean));
    },
  };
}
