// Processes of a cluster that do not stay: what the supervisor wrote down of their last end, and their own last words.

import { readFileSync } from 'node:fs';
import { clusterPaths, type PathRoots } from '../../base/paths.ts';

/** A process that ended and has not run for long since. */
export interface EndingProcess {
  readonly name: string;
  /** The last line of its log that a person can read. */
  readonly lastLine: string;
}

const RECENT_MS = 30_000;
/** Once is a restart; twice is a habit. */
const MANY_ENDS = 2;
const MAX_LINE_CHARACTERS = 400;

/** Reads the supervisor's log, a JSON line per start and end; what is not of this form is passed over. */
export function endingProcesses(
  roots: PathRoots,
  cluster: string,
  nowMs: number = Date.now(),
): readonly EndingProcess[] {
  const { log } = clusterPaths(roots, cluster);
  const ends = new Map<string, string[]>();
  for (const event of readEvents(`${log}/supervisor.log`)) {
    if (event.event !== 'ended' || nowMs - Date.parse(event.time) > RECENT_MS) continue;
    ends.set(event.process, [...(ends.get(event.process) ?? []), event.how ?? 'it ended']);
  }
  return [...ends]
    .filter(([, how]) => how.length >= MANY_ENDS)
    .map(([name, how]) => ({ name, lastLine: lastWords(`${log}/${name}.log`) ?? how.at(-1) ?? '' }));
}

interface SupervisorEvent {
  readonly time: string;
  readonly event: string;
  readonly process: string;
  readonly how?: string;
}

function readEvents(file: string): readonly SupervisorEvent[] {
  return linesOf(file).flatMap((line) => {
    try {
      return [JSON.parse(line) as SupervisorEvent];
    } catch {
      return [];
    }
  });
}

/** Errors go to the log as plain text, everything else as JSON. */
function lastWords(file: string): string | undefined {
  const line = linesOf(file).findLast((it) => it.startsWith('fairlead: '));
  return line?.slice('fairlead: '.length, MAX_LINE_CHARACTERS);
}

function linesOf(file: string): readonly string[] {
  try {
    return readFileSync(file, 'utf8').split('\n').filter(Boolean);
  } catch {
    return [];
  }
}
