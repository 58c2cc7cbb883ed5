// `fairlead doctor`: what this machine can carry, found by trying; exit code 3 where something required is missing.

import { backendSupport, POLICY_BACKENDS, SERVICE_BACKENDS } from '../backends/registry.ts';
import type { PolicyBackend } from '../backends/shared-node/policy-backend.ts';
import type { ServiceBackend } from '../backends/shared-node/service-backend.ts';
import { probeMachine, type ProbeResult } from '../sys/probe.ts';
import type { Support } from '../model/support.ts';
import { refuseUnprivileged } from '../lab/cluster/requirements.ts';
import { printForMachine, table } from './output.ts';

export async function doctorCommand(options: { readonly output?: string }): Promise<void> {
  refuseUnprivileged();
  const results = await probeMachine();
  const missing = results.filter((it) => it.support.kind !== 'yes');
  const required = missing.filter((it) => it.probe.need === 'required');
  if (!printForMachine(results.map(toRow), options.output))
    process.stdout.write(
      doctorText(results, { requiredCount: required.length, isWide: options.output === 'wide' }),
    );
  if (required.length > 0) process.exitCode = 3;
}

interface DoctorRow {
  readonly feature: string;
  readonly support: 'yes' | 'no' | 'unknown';
  readonly need: string;
  readonly neededFor: string;
  /** First version of Linux that has it, where not every supported one has. */
  readonly since: string | undefined;
  readonly because: string | undefined;
}

function toRow({ probe, support }: ProbeResult): DoctorRow {
  return {
    feature: probe.name,
    support: support.kind,
    need: probe.need,
    neededFor: probe.neededFor,
    since: probe.since,
    because: support.kind === 'yes' ? undefined : support.because,
  };
}

function doctorText(
  results: readonly ProbeResult[],
  of: { readonly requiredCount: number; readonly isWide: boolean },
): string {
  const header = ['FEATURE', 'HERE', ...(of.isWide ? ['NEED', 'SINCE LINUX'] : []), 'NEEDED FOR', 'BECAUSE'];
  const rows = results
    .map(toRow)
    .map((row) => [
      row.feature,
      row.support === 'unknown' ? 'could not tell' : row.support,
      ...(of.isWide ? [row.need, row.since ?? ''] : []),
      row.neededFor,
      row.because ?? '',
    ]);
  const answers = new Map(results.map(({ probe, support }) => [probe.name, support]));
  return `${table(header, rows)}\n${backendsText(answers)}\n${verdict(results, of.requiredCount)}\n`;
}

/** Which backends a cluster of this machine can have. */
function backendsText(answers: ReadonlyMap<string, Support>): string {
  const rowsOf = (backends: readonly (ServiceBackend | PolicyBackend)[]): string[][] =>
    backends.map((backend) => {
      const support = backendSupport(backend, answers);
      const because = support.kind === 'yes' ? '' : support.because;
      const here = support.kind === 'unknown' ? 'could not tell' : support.kind;
      return [backend.name, here, backend.about, because];
    });
  return [
    table(['SERVICES BY', 'HERE', 'HOW', 'BECAUSE'], rowsOf(SERVICE_BACKENDS)),
    table(['POLICIES BY', 'HERE', 'HOW', 'BECAUSE'], rowsOf(POLICY_BACKENDS)),
  ].join('\n');
}

function verdict(results: readonly ProbeResult[], requiredCount: number): string {
  const optional = results.filter((it) => it.support.kind !== 'yes' && it.probe.need === 'optional');
  if (requiredCount > 0)
    return `Fairlead does not run here: ${plural(requiredCount, 'required feature')} missing.`;
  if (optional.length === 0) return 'Fairlead runs here, with everything.';
  const without = optional.map((it) => it.probe.neededFor).join('; ');
  return `Fairlead runs here, without: ${without}.`;
}

function plural(count: number, what: string): string {
  return count === 1 ? `1 ${what} is` : `${count} ${what}s are`;
}
