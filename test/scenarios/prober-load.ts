// Questions by the hundred: at once, or at a steady pace until it is told to stop; nothing is asked twice.

import { ask } from './prober-asks.ts';
import type { Answer, Ask, Tally } from './prober-types.ts';

class Count {
  readonly #texts = new Map<string, number>();
  readonly #errors = new Map<string, number>();
  #lastGoodMs = performance.now();
  #longestGapMs = 0;
  #sent = 0;

  async ask(question: Ask): Promise<void> {
    this.#sent++;
    this.#take(await ask(question));
  }

  get tally(): Tally {
    this.#gap();
    return {
      sent: this.#sent,
      texts: Object.fromEntries(this.#texts),
      errors: Object.fromEntries(this.#errors),
      longestGapMs: Math.round(this.#longestGapMs),
    };
  }

  #take(answer: Answer): void {
    const [map, key] =
      answer.text === undefined ? [this.#errors, answer.error ?? ''] : [this.#texts, answer.text];
    map.set(key, (map.get(key) ?? 0) + 1);
    if (answer.text !== undefined) this.#gap();
  }

  #gap(): void {
    const nowMs = performance.now();
    this.#longestGapMs = Math.max(this.#longestGapMs, nowMs - this.#lastGoodMs);
    this.#lastGoodMs = nowMs;
  }
}

/** `count` questions, at most `atOnce` at a time. */
export async function askMany(of: {
  readonly ask: Ask;
  readonly count: number;
  readonly atOnce: number;
}): Promise<Tally> {
  const count = new Count();
  let left = of.count;
  const worker = async (): Promise<void> => {
    while (left-- > 0) await count.ask(of.ask);
  };
  await Promise.all(Array.from({ length: of.atOnce }, worker));
  return count.tally;
}

export class Loads {
  readonly #running = new Map<number, () => Promise<Tally>>();
  #next = 1;

  start(of: { readonly ask: Ask; readonly everyMs: number }): number {
    const count = new Count();
    const open = new Set<Promise<void>>();
    const timer = setInterval(() => {
      const one = count.ask(of.ask).finally(() => open.delete(one));
      open.add(one);
    }, of.everyMs);
    this.#running.set(this.#next, async () => {
      clearInterval(timer);
      await Promise.all(open);
      return count.tally;
    });
    return this.#next++;
  }

  /** Ends a load when its last question is answered. */
  async stop(load: number): Promise<Tally> {
    const end = this.#running.get(load);
    if (end === undefined) throw new Error(`no load ${load}`);
    this.#running.delete(load);
    return await end();
  }
}
