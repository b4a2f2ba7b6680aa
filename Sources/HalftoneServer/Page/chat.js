// The chat: one conversation with one model at a time.

import { endings, isChat, streamAnswer } from './answer.js';
import { Conversation } from './conversation.js';
import { announce, button, byID, element, submitOnEnter } from './dom.js';
import { bindCurrentPicker, factsOf, models } from './models.js';
import { readSettings, startSettings, systemPrompt } from './settings.js';
import { drawAnswer, drawQuestion } from './turns.js';

const openers = {
  chat: [
    'Explain how a halftone picture shows grey with only black ink.',
    'Write a Python function that packs 4-bit numbers into bytes.',
    'Compare bicycles and trains in a table.',
  ],
  text: ['Once upon a time', 'The capital of France is', 'A neural network is'],
};

let conversation;
/** Stops the answer that is being made, if there is one. */
let running = null;

export function startChat() {
  conversation = new Conversation();
  startSettings();
  bindCurrentPicker(byID('chat-model'));
  models.addEventListener('current', showModel);
  byID('new-conversation').addEventListener('click', () => {
    running?.abort();
    setRunning(null);
    conversation.clear();
    redraw();
    byID('message').focus();
  });
  startComposer();
  addEventListener('pagehide', () => conversation.save());
  redraw();
}

function showModel() {
  const model = models.current;
  byID('chat-facts').textContent = factsOf(model);
  const takesTurns = !model || isChat(model);
  byID('system').disabled = !takesTurns;
  byID('chat-note').textContent = takesTurns
    ? 'The answer is made by the machine that served this page; nothing leaves it.'
    : 'This model has no chat template: it goes on with the text that you begin.';
  byID('openers').replaceChildren(...openers[takesTurns ? 'chat' : 'text'].map(text =>
    element('li', {}, button(text, () => send(text)))));
}

function startComposer() {
  const message = byID('message');
  const fit = () => {
    message.style.height = 'auto';
    message.style.height = `${message.scrollHeight + 2}px`;
  };
  message.addEventListener('input', fit);
  submitOnEnter(message);
  byID('composer').addEventListener('submit', event => {
    event.preventDefault();
    if (!message.value.trim() || running) return;
    if (!send(message.value.trim())) return;
    message.value = '';
    fit();
  });
  byID('stop').addEventListener('click', () => running?.abort());
  byID('chat').addEventListener('keydown', event => {
    if (event.key === 'Escape') running?.abort();
  });
}

/** Adds a person's turn and lets the model answer; false where that cannot be. */
function send(text) {
  if (!models.current || !readSettings()) return false;
  add(conversation.add({ role: 'user', content: text }));
  answer();
  return true;
}

/** Does something with the conversation before `turn`, which is forgotten with all after it. */
async function replace(turn, next) {
  if (!readSettings()) return;
  running?.abort();
  conversation.cut(turn);
  redraw();
  next();
  byID('message').focus({ preventScroll: true });
}

/** Draws the conversation from its turns. */
function redraw() {
  byID('turns').replaceChildren();
  conversation.turns.forEach(turn => add(turn).finish?.());
  showEmptiness();
}

function showEmptiness() {
  byID('chat-empty').hidden = conversation.turns.length > 0;
}

/** Puts a turn at the end of the page. */
function add(turn) {
  const drawn = turn.role === 'user'
    ? drawQuestion(turn, { edit: text => replace(turn, () => send(text)) })
    : drawAnswer(turn, { again: () => replace(turn, answer) });
  byID('turns').append(drawn.node);
  showEmptiness();
  return drawn;
}

/** Lets the model answer the conversation as it stands. */
async function answer() {
  const model = models.current;
  const controller = new AbortController();
  // As a reload in the middle of it would find it.
  const record = { model: model.id, ending: endings.stopped };
  const turn = conversation.add({ role: 'assistant', content: '', record });
  const messages = conversation.messagesBefore(turn, systemPrompt());
  const drawn = add(turn);
  setRunning(controller);
  drawn.follow();
  scrollToEnd();

  let isDue = false;
  const whole = await streamAnswer(model, messages, readSettings(), controller.signal, partial => {
    turn.content = partial.text;
    if (isDue) return;
    isDue = true;
    requestAnimationFrame(() => {
      isDue = false;
      if (turn.record === record) keepingEnd(drawn.follow);
    });
  });
  turn.content = whole.text;
  turn.record = { ...whole, text: undefined };
  keepingEnd(drawn.finish);
  conversation.save();
  // Another one may have begun, after this one was stopped for it.
  if (running === controller) setRunning(null);
  if (conversation.turns.includes(turn)) announce(spoken(whole));
}

/** What is said of an answer that has ended: its beginning, so that it can be read on from. */
function spoken(record) {
  if (record.ending === endings.failed) return `No answer. ${record.error}`;
  if (record.ending === endings.stopped) return 'Stopped.';
  const beginning = record.text.length > 280 ? `${record.text.slice(0, 280)}…` : record.text;
  return `Answer: ${beginning}`;
}

/** Shows whether an answer is being made, and keeps the focus where the buttons change. */
function setRunning(controller) {
  const hadFocus = [byID('send'), byID('stop')].includes(document.activeElement);
  running = controller;
  byID('send').hidden = Boolean(running);
  byID('stop').hidden = !running;
  if (hadFocus) (running ? byID('stop') : byID('message')).focus({ preventScroll: true });
}

/** Draws, and stays at the end of the page for those who were there. */
function keepingEnd(draw) {
  const page = document.documentElement;
  const wasAtEnd = innerHeight + scrollY >= page.scrollHeight - 60;
  draw();
  if (wasAtEnd) scrollToEnd();
}

function scrollToEnd() {
  if (!byID('chat').hidden) scrollTo({ top: document.documentElement.scrollHeight });
}
