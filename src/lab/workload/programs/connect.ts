// agnhost connect: one attempt to reach host:port, whose outcome is a fixed word that tests look for (UNKNOWN, TIMEOUT, DNS,
// REFUSED, OTHER) and an exit code.

import { FairleadError, hasCode, messageOf } from '../../../base/errors.ts';
import { parseFlags } from '../flags.ts';
import { parseGoDuration } from '../go-duration.ts';
import type { ProgramContext } from '../program.ts';

/** What the kernel itself waits for a connection at most (tcp_syn_retries); used where no --timeout is given. */
const LONGEST_MS = 130_000;

/** `--timeout`, `--protocol` tcp or udp, `--udp-data`, then host:port. */
export async function connect(context: ProgramContext, args: readonly string[]): Promise<void> {
  const flags = parseFlags(args);
  const target = splitHostPort(flags.rest[0] ?? '');
  const protocol = flags.values.get('protocol') ?? 'tcp';
  const timeoutMs = parseGoDuration(flags.values.get('timeout') ?? '0s') ?? 0;
  if (target === undefined)
    return fail(context, `UNKNOWN: address ${flags.rest[0] ?? ''}: missing port in address`);
  if (protocol !== 'tcp' && protocol !== 'udp') return fail(context, `Unsupported protocol\n${protocol}`);
  // Not awaited: an attempt may take minutes, and the container runs meanwhile.
  void attempt(context, { ...target, protocol, data: flags.values.get('udp-data') ?? 'hostname' }, timeoutMs);
}

interface Attempt {
  readonly host: string;
  readonly port: number;
  readonly protocol: 'tcp' | 'udp';
  readonly data: string;
}

async function attempt(context: ProgramContext, target: Attempt, timeoutMs: number): Promise<void> {
  const limitMs = timeoutMs > 0 ? timeoutMs : LONGEST_MS;
  try {
    if (target.protocol === 'tcp') {
      (await context.net.dialTcp(target.host, target.port, limitMs)).destroy();
    } else {
      await context.net.askUdp(target.host, target.port, Buffer.from(`${target.data}\n`), limitMs);
    }
    context.exit(0);
  } catch (error) {
    fail(context, wordOf(error));
  }
}

function wordOf(error: unknown): string {
  const details = error instanceof FairleadError ? error.details : {};
  if (details['isDns'] === true) return `DNS: ${messageOf(error)}`;
  if (hasCode(error, 'timeout')) return 'TIMEOUT';
  if (details['errno'] === 'ECONNREFUSED') return 'REFUSED';
  return `OTHER: ${messageOf(error)}`;
}

function fail(context: ProgramContext, line: string): void {
  context.log(line, 'stderr');
  context.exit(1);
}

/** "host:port" or "[v6]:port"; undefined for anything else. */
function splitHostPort(text: string): { readonly host: string; readonly port: number } | undefined {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d+)$/.exec(text);
  const port = Number(match?.[3]);
  const host = match?.[1] ?? match?.[2];
  return host === undefined || port < 1 || port > 65_535 ? undefined : { host, port };
}
