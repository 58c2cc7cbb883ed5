// What a policy backend is to the agent, whatever it programs.

import type { Cidr } from '../../base/cidr.ts';
import type { Ip } from '../../base/ip.ts';
import type { Lifetime } from '../../base/lifetime.ts';
import type { NodePolicies, PolicyPod } from '../../model/policy.ts';
import { incrementalPart, part, type Part, type Rendered } from '../../reconcile/engine.ts';
import type { Target } from '../../reconcile/target.ts';
import type { IptablesFlavour } from '../../sys/iptables.ts';
import type { NodeMaps } from '../shared-bpf/node-maps.ts';
import type { DenialDirection } from '../shared-policy/denied-packet.ts';
import type { BackendRole } from './service-backend.ts';

/** A pod's link on this node. */
export interface PodLink {
  readonly ifindex: number;
  readonly ips: readonly Ip[];
  /** As the runtime named the pod; undefined where it did not, and the addresses have to tell. */
  readonly pod: { readonly key: string; readonly uid: string } | undefined;
  /** Another plugin has made it a port of this bridge; absent for links that are routed to. */
  readonly bridge?: string | undefined;
}

/** What a policy backend renders from. */
export interface PolicyView extends NodePolicies {
  /** Every pod link of the node. */
  readonly links: readonly PodLink[];
}

export interface PolicyDoors {
  readonly maps: NodeMaps;
  /** Path of the node's network namespace; undefined where the process lives in it. */
  readonly netns: string | undefined;
  readonly lifetime: Lifetime;
  /** In which flavour rules of iptables are made; undefined: in that of the system's program. */
  readonly iptablesFlavour?: IptablesFlavour | undefined;
}

export interface PolicyInput {
  /** Undefined while policies are not known: then nothing is touched. */
  readonly policies: PolicyView | undefined;
  /** By the name of the backend; one that has none is left as it is. */
  readonly policyRoles: ReadonlyMap<string, BackendRole>;
  /** Prefixes whose addresses mean something else than in the view before; undefined, or not there, for any. */
  readonly changedAddresses?: ReadonlySet<Cidr> | undefined;
}

/** One way to keep pods to what their policies say. */
export interface PolicyBackend {
  /** As users name it: the folder without its role. */
  readonly name: string;
  readonly about: string;
  /** Names of the probes of `src/sys/probe.ts` that must answer yes. */
  readonly needs: readonly string[];
  /** It judges what goes from one port of a bridge to another, too; absent where that is not so. */
  readonly isAskedAcrossBridges?: true;
  /** The parts of the engine, in the order of updates. Their targets are named `policy-<name>`, or begin so. */
  open<V extends PolicyInput>(doors: PolicyDoors): readonly Part<V>[];
  /** Gives a question for the packets that its rules have denied since they were made; absent where it counts in the programs' own counters. */
  readonly countDenied?: (
    doors: Pick<PolicyDoors, 'netns' | 'lifetime' | 'iptablesFlavour'>,
  ) => () => Promise<DeniedCounts>;
}

/** None of a direction that has no rules. */
export type DeniedCounts = ReadonlyMap<DenialDirection, bigint>;

/** A target that holds its rendering while the backend enforces, and nothing while it leaves. */
export function policyPart<V extends PolicyInput, T>(
  backend: string,
  target: Target<T>,
  render: (view: PolicyView) => ReadonlyMap<string, T>,
): Part<V> {
  return part<V, T>(target, ({ policies, policyRoles }) => {
    const role = policyRoles.get(backend);
    if (role !== 'carry') return role && new Map();
    return policies === undefined ? undefined : render(policies);
  });
}

/** Renders by what changed since its call before: `changed` is undefined for any. */
export type FollowAddresses<T> = (view: PolicyView, changed: ReadonlySet<Cidr> | undefined) => Rendered<T>;

/** The same for a target that has an entry for each address. `makeRender` is called for each time that the backend comes to carry. */
export function addressPart<V extends PolicyInput, T>(
  backend: string,
  target: Target<T>,
  makeRender: () => FollowAddresses<T>,
): Part<V> {
  return incrementalPart<V, T>(target, () => {
    let render: FollowAddresses<T> | undefined;
    return ({ policies, policyRoles, changedAddresses }) => {
      const role = policyRoles.get(backend);
      if (role === 'carry' && policies !== undefined) {
        const changed = render === undefined ? undefined : changedAddresses;
        render ??= makeRender();
        return render(policies, changed);
      }
      render = undefined;
      return { desired: role === undefined || role === 'carry' ? undefined : new Map(), changed: undefined };
    };
  });
}

/** The rendering of before where what it is made of is the same object. */
export function onceOf<I extends object, T>(render: (input: I) => T): (input: I) => T {
  const known = new WeakMap<I, T>();
  return (input) => {
    const made = known.get(input) ?? render(input);
    known.set(input, made);
    return made;
  };
}

/** Whose a link is. A pod of the same name that came after or before is another one. */
export function podOfLink(
  pods: PolicyView['pods'],
  { pod: named, ips }: Pick<PodLink, 'pod' | 'ips'>,
): PolicyPod | undefined {
  if (named === undefined) return [...pods.values()].find((it) => it.ips.some((ip) => ips.includes(ip)));
  const found = pods.get(named.key);
  return found === undefined || found.uid === named.uid || named.uid === '' ? found : undefined;
}
