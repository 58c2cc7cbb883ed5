// `fairlead doctor`: what this machine can carry, found by trying; exit code 3 where something required is missing.

import { probeMachine, type ProbeResult } from '../sys/probe.ts';
import { refuseUnprivileged } from '../lab/cluster/up.ts';
import { printForMachine, table } from './output.ts';

export async function doctorCommand(options: { readonly output?: string }): Promise<void> {
  refuseUnprivileged();
  const results = await probeMachine();
  const missing = results.filter((it) => it.support.kind !== 'yes');
  const required = missing.filter((it) => it.probe.need === 'required');
  if (!printForMachine(results.map(toRow), options.output))
    process.stdout.write(doctorText(results, required.length));
  if (required.length > 0) process.exitCode = 3;
}

interface DoctorRow {
  readonly feature: string;
  readonly support: 'yes' | 'no' | 'unknown';
  readonly need: string;
  readonly neededFor: string;
  readonly because: string | undefined;
}

function toRow({ probe, support }: ProbeResult): DoctorRow {
  return {
    feature: probe.name,
    support: support.kind,
    need: probe.need,
    neededFor: probe.neededFor,
    because: support.kind === 'yes' ? undefined : support.because,
  };
}

function doctorText(results: readonly ProbeResult[], requiredCount: number): string {
  const rows = results.map(toRow).map((row) => {
    const without = row.need === 'required' ? 'Fairlead does not run' : `without: ${row.neededFor}`;
    return [
      row.feature,
      row.support === 'unknown' ? 'could not tell' : row.support,
      row.support === 'yes' ? row.neededFor : without,
      row.because ?? '',
    ];
  });
  const lacking = results.filter((it) => it.support.kind !== 'yes').length;
  const verdict =
    requiredCount > 0
      ? `${requiredCount} required features are missing: Fairlead does not run here.`
      : lacking > 0
        ? `Fairlead runs here; ${lacking} optional features fall away.`
        : 'Everything is here.';
  return `${table(['FEATURE', 'HERE', 'FOR', 'BECAUSE'], rows)}\n${verdict}\n`;
}
