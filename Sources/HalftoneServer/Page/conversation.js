// What was said: turns of a person (`role: 'user'`) and of models, kept until the tab is closed.

const storedName = 'halftone.conversation';

export class Conversation {
  /** `{ role, content }`, of an answer with its `record` (see `streamAnswer`) beside. */
  turns = JSON.parse(sessionStorage.getItem(storedName)) ?? [];

  add(turn) {
    this.turns.push(turn);
    this.save();
    return turn;
  }

  /** Forgets a turn and all after it. */
  cut(turn) {
    this.turns.length = this.turns.indexOf(turn);
    this.save();
  }

  clear() {
    this.turns = [];
    this.save();
  }

  save() {
    try {
      sessionStorage.setItem(storedName, JSON.stringify(this.turns));
    } catch {
      // Too long to be kept; it goes on without.
    }
  }

  /** The conversation before a turn, as a request has it. */
  messagesBefore(turn, system) {
    const messages = system ? [{ role: 'system', content: system }] : [];
    for (const { role, content } of this.turns.slice(0, this.turns.indexOf(turn))) {
      const last = messages.at(-1);
      // An answer that never came leaves two turns of a person; templates want them to alternate.
      if (last?.role === role) last.content += `\n\n${content}`;
      else if (content) messages.push({ role, content });
    }
    return messages;
  }
}
