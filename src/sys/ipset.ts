// Sets of addresses for iptables, through the program `ipset`: lines for `ipset restore`, text of `ipset save`. Sets are of a namespace, whichever flavour of
// iptables asks them.

import { FairleadError, hasCode, messageOf } from '../base/errors.ts';
import type { Netns } from './netns.ts';
import { runProgram, type RunOptions } from './process.ts';

export interface IpsetPlace {
  readonly netns?: Netns | string;
  readonly signal?: AbortSignal;
}

/** A hundred sets with the addresses of 100,000 pods are about 500 MB. */
const MAX_SAVE_BYTES = 1024 * 1024 * 1024;
const TIMEOUT_MS = 300_000;
/** "ipset v7.17: Error in line 3: ...". */
const LINE = /line (\d+)/;

/**
 * Runs lines one after the other; what is there already, or gone already, is no error. Where one fails, those before it are done. The error names the line at
 * fault with its text.
 */
export async function restoreIpset(lines: readonly string[], place: IpsetPlace): Promise<void> {
  if (lines.length === 0) return;
  const stdin = function* (): Generator<string> {
    for (const line of lines) yield `${line}\n`;
  };
  try {
    await runProgram('ipset', ['-exist', 'restore'], { ...optionsOf(place), stdin });
  } catch (error) {
    throw restoreError(error, lines);
  }
}

/** All sets of the namespace as text (ipset(8)). */
export async function saveIpset(place: IpsetPlace): Promise<string> {
  const options = { ...optionsOf(place), maxOutputBytes: MAX_SAVE_BYTES };
  const { stdout } = await runProgram('ipset', ['save'], options);
  return stdout;
}

function optionsOf(place: IpsetPlace): RunOptions {
  return { timeoutMs: TIMEOUT_MS, ...place };
}

function restoreError(error: unknown, lines: readonly string[]): FairleadError {
  const code = error instanceof FairleadError ? error.code : 'kernel';
  const details = error instanceof FairleadError ? error.details : {};
  const number = hasCode(error, 'kernel') ? LINE.exec(error.message)?.[1] : undefined;
  const line = number === undefined ? undefined : lines[Number(number) - 1];
  const where = line === undefined ? '' : ` at "${line}"`;
  return new FairleadError(code, `Cannot change sets of addresses${where}: ${messageOf(error)}`, {
    cause: error,
    details: { ...details, line },
  });
}
