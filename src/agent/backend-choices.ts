// The choices of a node: who carries Services, and who keeps pods to their policies.

import { EBPF_POLICIES } from '../backends/policy-ebpf/backend.ts';
import { EBPF_SERVICES } from '../backends/service-ebpf/backend.ts';
import type { ServiceRole } from '../backends/shared-node/service-backend.ts';
import { BACKEND_PAIRS, pairSupport, type BackendPair } from '../backends/pairs.ts';
import { POLICY_BACKENDS, SERVICE_BACKENDS } from '../backends/registry.ts';
import type { ClusterSettings } from '../objects/cluster-settings.ts';
import type { PodLink } from '../backends/shared-node/policy-backend.ts';
import type { AgentContext } from './agent-context.ts';
import { BackendChoice } from './backend-choice.ts';
import { bridgedPodProblem } from './bridged-pods.ts';
import { backendSupports, type SupportOptions } from './backend-support.ts';

export interface BackendChoices {
  readonly services: BackendChoice;
  readonly policies: BackendChoice;
}

/** `onKnown` is called when it is found out whether the node can run a backend that somebody wants. */
export function openChoices(context: AgentContext, onKnown: () => void): BackendChoices {
  const open = (options: Omit<SupportOptions, 'onKnown'>): BackendChoice =>
    new BackendChoice({
      role: options.role,
      known: options.backends.map((it) => it.name),
      fallback: options.sure,
      support: backendSupports(context, { ...options, onKnown }),
    });
  return {
    services: open({ role: 'Service', backends: SERVICE_BACKENDS, sure: context.config.service.name }),
    // The programs at pods' links are on every node: they keep out forgers, too.
    policies: open({ role: 'policy', backends: POLICY_BACKENDS, sure: EBPF_POLICIES.name }),
  };
}

export interface WishAround {
  /** What is wrong with the settings of Services otherwise. */
  readonly beside?: string | undefined;
  /** The node's pod links. */
  readonly links?: readonly PodLink[];
  /** By default those of the product. */
  readonly pairs?: readonly BackendPair[];
}

/** What the cluster's settings choose. A pair that is none is refused as a whole: what carries and keeps goes on. */
export function wantBackends(
  { services, policies }: BackendChoices,
  settings: Pick<ClusterSettings, 'proxy' | 'policy'> | undefined,
  { beside, links = [], pairs = BACKEND_PAIRS }: WishAround = {},
): void {
  const { proxy, policy } = settings ?? {};
  const [service, keeper] = [services.meant(proxy), policies.meant(policy)];
  const support = service !== undefined && keeper !== undefined && pairSupport(service, keeper, pairs);
  const refused = support !== false && support.kind !== 'yes' ? support.because : undefined;
  services.want(proxy, { beside, refused });
  policies.want(policy, { refused: refused ?? (keeper && bridgedPodProblem(keeper, links)) });
}

/** To be asked after each pass; true where roles are others now. `isConvergedFor` asks for targets by the begin of their names. */
export function settleChoices(
  { services, policies }: BackendChoices,
  isConvergedFor: (prefix: string) => boolean,
): boolean {
  const settled = [
    services.settle((name) => isConvergedFor(`service-${name}`)),
    policies.settle((name) => isConvergedFor(`policy-${name}`)),
  ];
  return settled.includes(true);
}

/**
 * Who does what for Services. Policies are about endpoints: where programs at pods' links keep them, what pods send is translated there, too, whoever
 * carries the rest. Netfilter comes later.
 */
export function serviceRoles({ services, policies }: BackendChoices): ReadonlyMap<string, ServiceRole> {
  const roles = services.roles();
  const isKeptAtLinks = policies.roles().get(EBPF_POLICIES.name) === 'carry';
  if (!isKeptAtLinks || roles.get(EBPF_SERVICES.name) !== 'leave') return roles;
  return new Map<string, ServiceRole>([...roles, [EBPF_SERVICES.name, 'carry-pods']]);
}
