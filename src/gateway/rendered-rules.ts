// Rules as they are rendered, kept while they and what they lead to are the same: a change concerns a few of thousands.

import { deltasOf, isEmptyDeltas, type Deltas } from '../base/deltas.ts';
import type { ProxyBackend, ProxyModel, ProxyRule } from '../model/gateway.ts';
import { directBackend, ruleTree, type RuleContext } from './render-rules.ts';
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

type Model = Pick<ProxyModel, 'rules' | 'backends'>;

const NOTHING: Model = { rules: new Map(), backends: new Map() };

export class RenderedRules {
  #model = NOTHING;
  /** Names of HAProxy's backends, by those of the model. */
  #slots: ReadonlyMap<string, string> = new Map();
  readonly #known = new Map<string, KnownRule>();
  #others: ReadonlySet<string> = new Set();

  /** Ids of the rules that are to be rendered otherwise than before the last `begin`. */
  get others(): ReadonlySet<string> {
    return this.#others;
  }

  /** `slots`: another map where a backend has another slot. */
  begin(model: Model, slots: ReadonlyMap<string, string>): void {
    const { rules, backends } = this.#model;
    const others = keysOf(deltasOf(model.rules, rules, Object.is));
    const isOtherwise =
      slots !== this.#slots || !isEmptyDeltas(deltasOf(model.backends, backends, isRetriedAlike));
    this.#model = model;
    this.#slots = slots;
    if (isOtherwise)
      for (const known of this.#known.values()) if (!this.#isStill(known)) others.add(known.id);
    for (const id of others) this.#known.delete(id);
    this.#others = others;
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
    const found = this.#known.get(id);
    if (found !== undefined) return found;
    const rule = this.#model.rules.get(id);
    const readings = new Map<string, Reading>();
    const direct = rule && directBackend(rule, (backend) => this.#read(backend, readings).slot);
    const made = { id, rule, direct, readings, forLua: undefined };
    if (rule !== undefined) this.#known.set(id, made);
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
      if (this.#slots.get(backend) !== slot || this.#isRetried(backend) !== isRetried) return false;
    return true;
  }

  #read(backend: string, readings: Map<string, Reading>): Reading {
    const reading = { slot: this.#slots.get(backend), isRetried: this.#isRetried(backend) };
    readings.set(backend, reading);
    return reading;
  }

  #isRetried(backend: string): boolean {
    return this.#model.backends.get(backend)?.retry !== undefined;
  }
}

function isRetriedAlike(a: ProxyBackend, b: ProxyBackend): boolean {
  return (a.retry === undefined) === (b.retry === undefined);
}

function keysOf({ add, change, remove }: Deltas<unknown>): Set<string> {
  return new Set([...add.keys(), ...change.keys(), ...remove.keys()]);
}
