// What this kernel and machine can do, found by doing it in a namespace without a name: nothing is left behind, nothing is cached.
// Versions and configuration files are not asked: distributions carry features back, and modules load on demand.

import { FairleadError, messageOf } from '../base/errors.ts';
import type { Support } from '../model/support.ts';
import { errnoOf } from './errno.ts';
import { anonymousNetns, type Netns } from './netns.ts';
import { BPF_PROBES } from './probe-bpf.ts';
import { HOST_PROBES } from './probe-host.ts';
import { NETWORK_PROBES } from './probe-network.ts';

/** One feature to ask for. */
export interface Probe {
  /** Stable name: "vxlan", "bpf-cgroup-sock-addr". */
  readonly name: string;
  /** What falls away without it, for the reader. */
  readonly neededFor: string;
  /** First version of Linux that has it; undefined for what every supported kernel can have. */
  readonly since?: string;
  /** `required`: the product does not work without; `optional`: a feature falls away. */
  readonly need: 'required' | 'optional';
  /** Returns where the feature is there, throws what the kernel said where it is not. */
  try(scratch: Netns): void | Promise<void>;
}

export interface ProbeResult {
  readonly probe: Pick<Probe, 'name' | 'neededFor' | 'need' | 'since'>;
  readonly support: Support;
}

/** All probes in the order in which they are shown. */
export const PROBES: readonly Probe[] = [...HOST_PROBES, ...NETWORK_PROBES, ...BPF_PROBES];

/** Refusals that mean "never heard of it"; any other (no memory, no rights) leaves the question open. */
const NO_ERRNOS = new Set([
  'EOPNOTSUPP',
  'ENOTSUPP',
  'ENOENT',
  'ENODEV',
  'EINVAL',
  'ENOSYS',
  'EPROTONOSUPPORT',
  'EAFNOSUPPORT',
]);

/** Asks for each feature; a probe that fails in an unforeseen way answers `unknown` and holds back no other. */
export async function probeMachine(probes: readonly Probe[] = PROBES): Promise<readonly ProbeResult[]> {
  let scratch: Netns;
  try {
    scratch = anonymousNetns();
  } catch (error) {
    const support: Support = { kind: 'unknown', because: messageOf(error) };
    return probes.map((probe) => ({ probe, support }));
  }
  try {
    const results: ProbeResult[] = [];
    for (const probe of probes) results.push({ probe, support: await ask(probe, scratch) });
    return results;
  } finally {
    scratch.close();
  }
}

async function ask(probe: Probe, scratch: Netns): Promise<Support> {
  try {
    await probe.try(scratch);
    return { kind: 'yes' };
  } catch (error) {
    const because = messageOf(error);
    if (!isNo(error)) return { kind: 'unknown', because };
    return {
      kind: 'no',
      because: probe.since === undefined ? because : `${because}; Linux ${probe.since} has it`,
    };
  }
}

function isNo(error: unknown): boolean {
  if (error instanceof FairleadError && (error.code === 'unsupported' || error.code === 'not-found'))
    return true;
  return NO_ERRNOS.has(errnoOf(error) ?? '');
}
