// Requests to the server that sent this page: JSON, server-sent events, the API key.

const keyName = 'halftone.key';

/** What went wrong, in words to show. */
class RequestError extends Error {
  constructor(message, status = 0, retryAfter = null) {
    super(message);
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

let askForKey = async () => null;
let asking = null;

/** Sets who asks for the API key: a function that returns it, or null when it is refused. */
export function setKeyPrompt(prompt) {
  askForKey = prompt;
}

/** The key, asked for once however many requests wait for it. */
async function keyInsteadOf(used) {
  const stored = sessionStorage.getItem(keyName);
  if (stored && stored !== used) return stored;
  asking ??= askForKey(Boolean(used)).finally(() => { asking = null; });
  const given = await asking;
  if (given) sessionStorage.setItem(keyName, given);
  return given;
}

/**
 * Sends a request and returns the response, which is a good one.
 *
 * `quiet` requests never ask for a key: they fail as long as there is none.
 */
async function send(path, { body, signal, quiet = false } = {}) {
  for (;;) {
    const key = sessionStorage.getItem(keyName);
    const headers = {};
    if (key) headers.Authorization = `Bearer ${key}`;
    if (body) headers['Content-Type'] = 'application/json';
    let response;
    try {
      response = await fetch(path, {
        method: body ? 'POST' : 'GET', headers, signal, cache: 'no-store',
        body: body && JSON.stringify(body),
      });
    } catch (error) {
      if (error.name === 'AbortError') throw error;
      throw new RequestError('The server cannot be reached.');
    }
    if (response.status === 401 && !quiet && await keyInsteadOf(key)) continue;
    if (!response.ok) throw await failure(response);
    return response;
  }
}

async function failure(response) {
  const retryAfter = Number(response.headers.get('Retry-After')) || null;
  let message = `The server answered ${response.status}.`;
  try {
    message = (await response.json()).error.message || message;
  } catch {
    // Not the server's own words: a proxy between, perhaps. The status says enough.
  }
  return new RequestError(message, response.status, retryAfter);
}

/** The object that an address answers with; a POST where there is a body. */
export async function fetchJSON(path, options) {
  return (await send(path, options)).json();
}

/** The objects of a stream of events, until the server says that it is done. */
export async function* fetchEvents(path, options) {
  const response = await send(path, options);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      const lines = (rest + value).split(/\r?\n/);
      rest = lines.pop();
      for (const line of lines) {
        if (!line.startsWith('data:')) continue;
        const data = line.slice(5).trim();
        if (data === '[DONE]') return;
        const event = JSON.parse(data);
        if (event.error) throw new RequestError(event.error.message, 500);
        yield event;
      }
    }
  } catch (error) {
    if (error.name === 'AbortError' || error instanceof RequestError) throw error;
    throw new RequestError('The connection broke off in the middle of the answer.');
  } finally {
    reader.cancel().catch(() => {});
  }
  throw new RequestError('The server closed the connection in the middle of the answer.');
}

/** Addresses of what only Halftone has. */
export const paths = {
  models: 'v1/models',
  chat: 'v1/chat/completions',
  completion: 'v1/completions',
  status: 'v1/halftone/status',
  divergence: 'v1/halftone/divergence',
  model: id => `v1/halftone/models/${encodeURIComponent(id)}`,
  variant: id => `v1/halftone/models/${encodeURIComponent(id)}/variant`,
  matrix: (id, name) =>
    `v1/halftone/models/${encodeURIComponent(id)}/matrices/${encodeURIComponent(name)}`,
};
