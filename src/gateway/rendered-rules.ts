// Rules as they are rendered, kept while they and what they lead to are the same: a change concerns a few of thousands.

import type { ProxyModel, ProxyRule } from '../model/gateway.ts';
import { directBackend, ruleTree, type RuleContext, type SlotOf } from './render-rules.ts';
import type { Tree } from './proxy-text.ts';

/** By identity: the same object says the same. */
export interface RenderedRule {
  readonly id: string;
  /** The HAProxy backend where nothing but the way there is to be done. */
  readonly direct: string | undefined;
}

/** What Lua has to do. */
export interface RuleForLua {
  readonly tree: Tree;
  readonly problem: string | undefined;
}

/** What was found of a backend when the rule was rendered. */
interface Reading {
  readonly slot: string | undefined;
  readonly isRetried: boolean;
}

interface KnownRule extends RenderedRule {
  readonly rule: ProxyRule | undefined;
  readonly readings: Map<string, Reading>;
  forLua: RuleForLua | undefined;
}

/** What passes before this one have rendered. */
export type KnownRules = WeakMap<ProxyRule, RenderedRule>;

export class RenderedRules {
  readonly #model: ProxyModel;
  readonly #slotOf: SlotOf;
  readonly #known: WeakMap<ProxyRule, KnownRule>;
  readonly #ofPass = new Map<string, KnownRule>();

  constructor(model: ProxyModel, slotOf: SlotOf, known: KnownRules) {
    this.#model = model;
    this.#slotOf = slotOf;
    // Written here alone.
    this.#known = known as WeakMap<ProxyRule, KnownRule>;
  }

  /** Of a rule that is not there: what leads nowhere. */
  of(id: string): RenderedRule {
    return this.#of(id);
  }

  forLua(id: string): RuleForLua {
    const known = this.#of(id);
    known.forLua ??= this.#forLua(known);
    return known.forLua;
  }

  #of(id: string): KnownRule {
    let found = this.#ofPass.get(id);
    if (found === undefined) {
      found = this.#knownOf(id);
      this.#ofPass.set(id, found);
    }
    return found;
  }

  #knownOf(id: string): KnownRule {
    const rule = this.#model.rules.get(id);
    const known = rule && this.#known.get(rule);
    if (known?.id === id && this.#isStill(known)) return known;
    const readings = new Map<string, Reading>();
    const direct = rule && directBackend(rule, (backend) => this.#read(backend, readings).slot);
    const made = { id, rule, direct, readings, forLua: undefined };
    if (rule !== undefined) this.#known.set(rule, made);
    return made;
  }

  #forLua({ id, rule, readings }: KnownRule): RuleForLua {
    let problem: string | undefined;
    const context: RuleContext = {
      slotOf: (backend) => this.#read(backend, readings).slot,
      isRetried: (backend) => this.#read(backend, readings).isRetried,
      onProblem: (_, found) => void (problem = found),
    };
    const tree = ruleTree(id, rule, context);
    // To leave out a filter would let through what it should have changed or refused.
    return { tree: problem === undefined ? tree : ruleTree(id, undefined, context), problem };
  }

  #isStill({ readings }: KnownRule): boolean {
    for (const [backend, { slot, isRetried }] of readings)
      if (this.#slotOf(backend) !== slot || this.#isRetried(backend) !== isRetried) return false;
    return true;
  }

  #read(backend: string, readings: Map<string, Reading>): Reading {
    const reading = { slot: this.#slotOf(backend), isRetried: this.#isRetried(backend) };
    readings.set(backend, reading);
    return reading;
  }

  #isRetried(backend: string): boolean {
    return this.#model.backends.get(backend)?.retry !== undefined;
  }
}
