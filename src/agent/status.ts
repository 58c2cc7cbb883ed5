// The agent's answer to "how are you": one JSON document, made anew for each question. The command line reads it over the agent's socket.

import type { PoolUsage } from '../cni/address-pool.ts';
import type { XdpMode } from '../objects/cluster-settings.ts';
import type { EngineStatus } from '../reconcile/status.ts';
import type { NameFeedStatus } from './name-feed.ts';
import type { LearnerStatus } from './name-learner.ts';
import type { BackendChoiceStatus } from './backend-choice.ts';
import type { ProgrammedVersions } from './receipt.ts';

export interface AgentStatus {
  readonly node: string;
  readonly pid: number;
  readonly startedAtMs: number;
  /** True from the first convergence on, while no target fails and the DNS process has the names. */
  readonly isReady: boolean;
  /** Why it is not ready, in words; empty when it is. */
  readonly waitingFor: readonly string[];
  readonly network: 'vxlan';
  readonly engine: EngineStatus;
  /** Which backend carries Services. */
  readonly services: BackendChoiceStatus;
  /** Which backend keeps pods to their policies. */
  readonly policies: BackendChoiceStatus;
  /** Whether flows of outside clients are to be carried in the uplinks' drivers; undefined until the settings are known. */
  readonly xdp: XdpMode | undefined;
  /** BPF maps that are nearly full, in words. */
  readonly crowdedMaps: readonly string[];
  readonly watches: readonly WatchSummary[];
  /** The resource versions up to which kernel and names are as the objects want them. */
  readonly programmed: ProgrammedVersions;
  /** Undefined where no DNS process is fed. */
  readonly names: NameFeedStatus | undefined;
  /** Domain names of policies; undefined where none are learned. */
  readonly learned: LearnerStatus | undefined;
  readonly cni: { readonly pods: number; readonly pools: readonly PoolUsage[] } | undefined;
  readonly memory: {
    readonly rssBytes: number;
    readonly heapUsedBytes: number;
    readonly externalBytes: number;
  };
}

export interface WatchSummary {
  readonly kind: string;
  readonly isSynced: boolean;
  readonly objects: number;
  readonly failures: number;
  /** Objects that could not be used and were skipped; the log names them. */
  readonly refused: number;
  /** How long no watch has been open; 0 while one is. */
  readonly disconnectedMs: number;
}

/** What keeps the agent from being ready, by the order in which one waits for the other. */
export function waitingFor(
  status: Pick<AgentStatus, 'watches' | 'engine' | 'names' | 'learned'> & { readonly hasConverged: boolean },
): readonly string[] {
  const lists = status.watches.filter((it) => !it.isSynced).map((it) => `the first list of ${it.kind}s`);
  const failing = status.engine.targets.flatMap(({ name, failures }) => {
    const [first] = failures.filter((it) => it.code !== 'draining');
    return first === undefined ? [] : [`${name}: ${first.error}`];
  });
  const unknown = status.engine.targets.filter((it) => it.desiredCount === undefined);
  return [
    ...lists,
    ...(lists.length > 0 ? [] : unknown.map((it) => `what decides ${it.name}`)),
    ...failing,
    ...(status.hasConverged || lists.length > 0 ? [] : ['the first convergence']),
    ...(status.names === undefined || status.names.isCurrent ? [] : ['the DNS process to take the names']),
    ...(status.learned === undefined || status.learned.isCurrent
      ? []
      : ['the DNS process to hold answers of names in policies']),
  ];
}
