// The chains of a rendering. Most are named by what is in them, so that equal ones are one, and a chain never changes under its name. Pure.

import { contentChain, type ChainKind } from './names.ts';
import { ruleText, type PolicyRule } from './rule.ts';

export interface RenderedChain {
  readonly rules: readonly PolicyRule[];
  /** The same as lines. */
  readonly text: string;
}

/** Chains by name: each comes after those that it leads to. */
export type Chains = ReadonlyMap<string, RenderedChain>;

export class ChainBook {
  readonly #chains = new Map<string, RenderedChain>();

  get chains(): Chains {
    return this.#chains;
  }

  /** A chain named by its content. */
  add(kind: ChainKind, rules: readonly PolicyRule[]): string {
    const text = textOf(rules);
    const name = contentChain(kind, text);
    if (!this.#chains.has(name)) this.#chains.set(name, { rules, text });
    return name;
  }

  /** A chain with a name of its own. */
  name(name: string, rules: readonly PolicyRule[]): void {
    this.#chains.set(name, { rules, text: textOf(rules) });
  }

  /** Chains of another book. */
  include(chains: Chains): void {
    for (const [name, chain] of chains) if (!this.#chains.has(name)) this.#chains.set(name, chain);
  }
}

function textOf(rules: readonly PolicyRule[]): string {
  return rules.map(ruleText).join('\n');
}
