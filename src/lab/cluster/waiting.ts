// Waiting for many things at once: says what it waits for, and names what is missing and why where it was in vain.

import type { Clock } from '../../base/clock.ts';
import { FairleadError } from '../../base/errors.ts';
import { clusterPaths, type PathRoots } from '../../base/paths.ts';
import type { ClusterConfig } from './cluster-config.ts';
import { endingProcesses, type EndingProcess } from './ending-processes.ts';

export interface WaitOptions {
  readonly cluster: ClusterConfig;
  readonly roots: PathRoots;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** On the clock's monotonic scale. */
  readonly deadlineMs: number;
  readonly onDetail: (text: string) => void;
}

/** One thing that is waited for. */
export interface Missing {
  /** "shop/web-1": short, for progress. */
  readonly name: string;
  /** What holds it up, undefined where nothing more is known. */
  readonly why?: string | undefined;
}

const POLL_MS = 100;
const MAX_EXPLAINED = 10;
/** Logs are looked into every two seconds. */
const ROUNDS_PER_LOOK = 20;

/** Asks until nothing is missing; throws `timeout` with what `explained` says. */
export async function until(
  what: string,
  options: WaitOptions,
  missing: () => Promise<readonly Missing[]>,
  explained: () => Promise<readonly Missing[]> = missing,
): Promise<void> {
  let ending: readonly EndingProcess[] = [];
  for (let round = 1; ; round++) {
    options.signal.throwIfAborted();
    const left = await missing();
    if (left.length === 0) return;
    if (options.clock.monotonicMs() > options.deadlineMs) throw inVain(what, await explained(), options);
    if (round % ROUNDS_PER_LOOK === 0) ending = endingProcesses(options.roots, options.cluster.name);
    const troubles = ending.map(({ name, lastLine }) => `; process ${name} keeps ending: ${lastLine}`);
    const shown = left.slice(0, 3).map(({ name, why }) => (why === undefined ? name : `${name} (${why})`));
    options.onDetail(
      `waiting for ${left.length > 3 ? `${left.length}: ` : ''}${shown.join(', ')}${troubles[0] ?? ''}`,
    );
    await options.clock.sleep(POLL_MS, options.signal);
  }
}

function inVain(what: string, left: readonly Missing[], { cluster, roots }: WaitOptions): FairleadError {
  const lines = [
    ...left.slice(0, MAX_EXPLAINED).map(({ name, why }) => (why === undefined ? name : `${name}: ${why}`)),
    ...(left.length > MAX_EXPLAINED ? [`and ${left.length - MAX_EXPLAINED} more`] : []),
    ...endingProcesses(roots, cluster.name).map(
      ({ name, lastLine }) => `process ${name} keeps ending: ${lastLine}`,
    ),
  ];
  const after = `logs are in ${clusterPaths(roots, cluster.name).log}; the same command goes on waiting (--wait DURATION)`;
  return new FairleadError(
    'timeout',
    `Cannot wait longer for ${what}:\n${lines.map((line) => `  ${line}\n`).join('')}${after}`,
  );
}
