// The ordered lists of backends by role: what an agent may choose from. A backend is added by one line here.

import type { Support } from '../model/support.ts';
import { EBPF_POLICIES } from './policy-ebpf/backend.ts';
import { IPTABLES_POLICIES } from './policy-iptables/backend.ts';
import { NFTABLES_POLICIES } from './policy-nftables/backend.ts';
import { EBPF_SERVICES } from './service-ebpf/backend.ts';
import { IPTABLES_SERVICES } from './service-iptables/backend.ts';
import { IPVS_SERVICES } from './service-ipvs/backend.ts';
import { NFTABLES_SERVICES } from './service-nftables/backend.ts';
import type { PolicyBackend } from './shared-node/policy-backend.ts';
import type { ServiceBackend } from './shared-node/service-backend.ts';

/** In the order of preference: the first one that the kernel carries is the default. */
export const SERVICE_BACKENDS: readonly ServiceBackend[] = [
  EBPF_SERVICES,
  NFTABLES_SERVICES,
  IPTABLES_SERVICES,
  IPVS_SERVICES,
];

/** In the order of preference. */
export const POLICY_BACKENDS: readonly PolicyBackend[] = [
  EBPF_POLICIES,
  NFTABLES_POLICIES,
  IPTABLES_POLICIES,
];

/** Whether this machine carries a backend; `answers` are the probes' by name. */
export function backendSupport(
  backend: Pick<ServiceBackend | PolicyBackend, 'needs'>,
  answers: ReadonlyMap<string, Support>,
): Support {
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
