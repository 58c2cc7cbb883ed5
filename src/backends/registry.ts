// The ordered lists of backends by role: what an agent may choose from. A backend is added by one line here.

import type { Support } from '../model/support.ts';
import { part, type Part } from '../reconcile/engine.ts';
import type { FrontendRow } from './service-ebpf/frontend-row.ts';
import { renderFrontends, type ServiceView } from './service-ebpf/render.ts';
import { openServiceTarget } from './service-ebpf/target.ts';
import type { NodeMaps } from './shared-bpf/node-maps.ts';

/** What Service backends reach the kernel through; a backend takes what it needs of it. */
export interface ServiceDoors {
  readonly maps: NodeMaps;
}

/** Frontends as undefined while they are not known: then nothing is touched. */
export interface ServiceInput {
  readonly services: ServiceView | undefined;
}

/** One way to carry frontends to endpoints. */
export interface ServiceBackend {
  /** As users name it: the folder without its role. */
  readonly name: string;
  readonly about: string;
  /** Names of the probes of `src/sys/probe.ts` that must answer yes. */
  readonly needs: readonly string[];
  /** The parts of the engine that keep the kernel at the view, in the order of updates. */
  open<V extends ServiceInput>(doors: ServiceDoors): readonly Part<V>[];
}

/** In the order of preference: the first one that the kernel carries is the default. */
export const SERVICE_BACKENDS: readonly ServiceBackend[] = [
  {
    name: 'ebpf',
    about: 'At connect and sendmsg in the cgroup, per packet at the pod’s interface',
    needs: ['bpf-cgroup-sock-addr', 'bpf-sched-cls', 'bpf-ringbuf'],
    open: <V extends ServiceInput>({ maps }: ServiceDoors) => [
      part<V, FrontendRow>(openServiceTarget(maps), ({ services }) => services && renderFrontends(services)),
    ],
  },
];

/** Whether this machine carries a backend; `answers` are the probes' by name. */
export function serviceSupport(backend: ServiceBackend, answers: ReadonlyMap<string, Support>): Support {
  const missing = backend.needs.map((need) => [need, answers.get(need)] as const);
  for (const kind of ['no', 'unknown'] as const) {
    const found = missing.find(([, answer]) => (answer?.kind ?? 'unknown') === kind);
    if (found !== undefined) return { kind, because: `${found[0]}: ${reasonOf(found[1])}` };
  }
  return { kind: 'yes' };
}

function reasonOf(answer: Support | undefined): string {
  return answer === undefined || answer.kind === 'yes' ? 'it was not asked for' : answer.because;
}
