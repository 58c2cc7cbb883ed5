// Which backends of a role this node can run: its kernel is asked once for each, when somebody first wants it.

import { backendSupport } from '../backends/registry.ts';
import { messageOf } from '../base/errors.ts';
import type { Support } from '../model/support.ts';
import { PROBES, probeMachine } from '../sys/probe.ts';
import type { AgentContext } from './agent-context.ts';

interface Backend {
  readonly name: string;
  /** Names of the probes that must answer yes. */
  readonly needs: readonly string[];
}

export interface SupportOptions {
  /** "Service": as in the log. */
  readonly role: string;
  readonly backends: readonly Backend[];
  /** Needs no question: its node would not have started. */
  readonly sure: string;
  readonly onKnown: () => void;
}

/** Gives the answer, or undefined and calls `onKnown` later. */
export function backendSupports(
  { log, lifetime }: AgentContext,
  { role, backends, sure, onKnown }: SupportOptions,
): (backend: string) => Support | undefined {
  const answers = new Map<string, Support>([[sure, { kind: 'yes' }]]);
  const asked = new Set<string>();
  const ask = async (name: string): Promise<void> => {
    const backend = backends.find((it) => it.name === name);
    const support = await supportOf(backend, `there is no ${role} backend "${name}"`);
    if (lifetime.isClosed) return;
    log.info({ support }, `${role} backend ${name}: ${support.kind}`);
    answers.set(name, support);
    onKnown();
  };
  return (name) => {
    if (!answers.has(name) && !asked.has(name)) {
      asked.add(name);
      void ask(name);
    }
    return answers.get(name);
  };
}

async function supportOf(backend: Backend | undefined, otherwise: string): Promise<Support> {
  if (backend === undefined) return { kind: 'no', because: otherwise };
  try {
    const results = await probeMachine(PROBES.filter((it) => backend.needs.includes(it.name)));
    return backendSupport(backend, new Map(results.map(({ probe, support }) => [probe.name, support])));
  } catch (error) {
    return { kind: 'unknown', because: messageOf(error) };
  }
}
