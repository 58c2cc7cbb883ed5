// Which Service backends this node can run: its kernel is asked once for each, when somebody first wants it.

import { SERVICE_BACKENDS, serviceSupport } from '../backends/registry.ts';
import { messageOf } from '../base/errors.ts';
import type { Support } from '../model/support.ts';
import { PROBES, probeMachine } from '../sys/probe.ts';
import type { AgentContext } from './agent-context.ts';

/** Gives the answer, or undefined and calls `onKnown` later. The configured backend needs no question: its node would not have started. */
export function serviceSupports(
  { config, log, lifetime }: AgentContext,
  onKnown: () => void,
): (backend: string) => Support | undefined {
  const answers = new Map<string, Support>([[config.service.name, { kind: 'yes' }]]);
  const asked = new Set<string>();
  const ask = async (name: string): Promise<void> => {
    const support = await supportOf(name);
    if (lifetime.isClosed) return;
    log.info({ support }, `Service backend ${name}: ${support.kind}`);
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

async function supportOf(name: string): Promise<Support> {
  const backend = SERVICE_BACKENDS.find((it) => it.name === name);
  if (backend === undefined) return { kind: 'no', because: `there is no Service backend "${name}"` };
  try {
    const results = await probeMachine(PROBES.filter((it) => backend.needs.includes(it.name)));
    return serviceSupport(backend, new Map(results.map(({ probe, support }) => [probe.name, support])));
  } catch (error) {
    return { kind: 'unknown', because: messageOf(error) };
  }
}
