// Rows of the eBPF backend for tests, with everything filled in that a test does not speak of.

import { parseIp } from '../../src/base/ip.ts';
import { parsePort } from '../../src/base/port.ts';
import type { FrontendRow, RowEndpoint } from '../../src/backends/service-ebpf/frontend-row.ts';

/** The same endpoints for both sides unless `over` says otherwise. */
export function anEbpfRow(endpoints: readonly RowEndpoint[], over: Partial<FrontendRow> = {}): FrontendRow {
  const choice = { endpoints, whenEmpty: 'refuse' } as const;
  return {
    ip: parseIp('10.96.0.1'),
    port: parsePort(80),
    protocol: 'TCP',
    inside: choice,
    outside: choice,
    masqueradesOutside: true,
    sourceRanges: undefined,
    admitsNode: true,
    isMaglev: false,
    affinityTimeoutS: 0,
    direct: undefined,
    isExclusiveAddress: true,
    ...over,
  };
}
