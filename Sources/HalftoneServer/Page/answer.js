// One answer of a model: asking for it, following it, and how fast it came.

import { fetchEvents, paths } from './api.js';
import { counted, duration, joined, speed } from './numbers.js';

/** Why an answer ended. */
export const endings = { complete: 'stop', limit: 'length', stopped: 'stopped', failed: 'failed' };

/**
 * Lets a model answer and follows the stream; never throws.
 *
 * `onText` gets the record after each piece of text. The record that is returned:
 * `text`; `ending`, one of `endings`; `tokens`, and whether they are `isExact` or the pieces that
 * arrived; `firstAfter` and `seconds`, from sending to the first and the last piece; `error`.
 */
export async function streamAnswer(model, messages, settings, signal, onText) {
  const record = {
    model: model.id, text: '', ending: endings.failed, tokens: 0, isExact: false, firstAfter: null,
    seconds: 0, error: null,
  };
  const start = performance.now();
  const body = {
    model: model.id, stream: true, stream_options: { include_usage: true },
    ...input(model, messages), ...settings,
  };
  try {
    const path = isChat(model) ? paths.chat : paths.completion;
    for await (const event of fetchEvents(path, { body, signal })) {
      if (event.usage) {
        record.tokens = event.usage.completion_tokens;
        record.isExact = true;
      }
      const choice = event.choices?.[0];
      if (!choice) continue;
      if (choice.finish_reason) record.ending = choice.finish_reason;
      const text = choice.delta?.content ?? choice.text;
      if (!text) continue;
      record.seconds = (performance.now() - start) / 1000;
      record.firstAfter ??= record.seconds;
      record.text += text;
      if (!record.isExact) record.tokens += 1;
      onText(record);
    }
  } catch (error) {
    if (error.name === 'AbortError' || signal.aborted) {
      record.ending = endings.stopped;
    } else {
      record.ending = endings.failed;
      record.error = error.retryAfter
        ? `${error.message} Try again in ${counted(error.retryAfter, 'second')}.` : error.message;
    }
  }
  return record;
}

/** Whether a model takes turns; one without a template goes on with the text so far. */
export function isChat(model) {
  return model.halftone?.chat !== false;
}

/** The conversation as a model takes it: also what the divergence is asked for with. */
export function input(model, messages) {
  if (isChat(model)) return { messages };
  const spoken = messages.filter(message => message.role !== 'system');
  return { prompt: spoken.map(message => message.content).join('') };
}

/** The speed of an answer: `128 tokens · 42.1 tokens/s · first after 0.21 s`. */
export function speedOf(record) {
  if (!record.tokens || record.firstAfter === null) return '';
  const parts = [(record.isExact ? '' : 'about ') + counted(record.tokens, 'token')];
  const after = record.seconds - record.firstAfter;
  if (record.tokens > 1 && after > 0) {
    parts.push(`${speed((record.tokens - 1) / after)} tokens/s`);
  }
  parts.push(`first after ${duration(record.firstAfter)}`);
  return joined(parts);
}

/** What is to be said of how an answer ended, if anything. */
export function endingOf(record) {
  if (record.ending === endings.stopped) return 'Stopped.';
  if (record.ending === endings.limit) return 'Cut off at the limit of tokens.';
  return '';
}
