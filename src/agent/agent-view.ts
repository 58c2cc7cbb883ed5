// What the agent knows at a moment, in the form that its targets render from. What is not known yet is undefined, never empty:
// a target whose inputs are unknown is left as it is.

import { renderVxlan } from '../backends/network-vxlan/render.ts';
import type { Underlay, VxlanState } from '../backends/network-vxlan/entries.ts';
import type { Cidr } from '../base/cidr.ts';
import { schedulerProblem } from '../backends/service-ipvs/schedulers.ts';
import type { BackendRole, ServiceRole } from '../backends/shared-node/service-backend.ts';
import type { PodLink, PolicyView } from '../backends/shared-node/policy-backend.ts';
import { NameCompiler } from '../compile/names.ts';
import { NodeCompiler, type NodeChanges } from '../compile/node-compiler.ts';
import { ServiceInputs } from '../compile/service-inputs.ts';
import type { SearchList } from '../dns/search-lists.ts';
import type { NameZone } from '../model/names.ts';
import type { NodeView } from '../model/network.ts';
import { COREFILE_KEY, type Corefile } from '../objects/corefile.ts';
import { CLUSTER_SETTINGS_KEY, readXdpMode, XDP_MODES } from '../objects/cluster-settings.ts';
import type { Changes } from '../store/change-stream.ts';
import type { Snapshot } from '../store/store.ts';
import { clusterObjectsOf } from './cluster-watch.ts';
import type { AgentConfig } from './config.ts';
import { OwnPods } from './own-pods.ts';
import { SearchListPart } from './search-list-part.ts';
import { PolicyPart, type LearnedSource } from './policy-part.ts';
import { serviceRoles, wantBackends, type BackendChoices } from './backend-choices.ts';
import {
  COREFILE_KIND,
  ENDPOINT_SLICE_KIND,
  NODE_KIND,
  POD_KIND,
  SERVICE_KIND,
  SETTINGS_KIND,
} from './watched-kinds.ts';

export interface AgentView {
  /** Undefined until everything is listed that decides who may speak to whom. */
  readonly policies: PolicyView | undefined;
  /** Prefixes whose addresses mean something else to policies than in the view before, undefined for any. */
  readonly changedAddresses: ReadonlySet<Cidr> | undefined;
  readonly policyRoles: ReadonlyMap<string, BackendRole>;
  /** Undefined until Nodes are listed, and while there is no Node object of this node. */
  readonly node: NodeView | undefined;
  readonly vxlan: VxlanState | undefined;
  /** The view again, for what Services need of it; undefined until Services and their endpoint slices are listed, too. */
  readonly services: NodeView | undefined;
  /** The node leaves the cluster: it tells load balancers to go elsewhere. */
  readonly isDraining: boolean;
  readonly serviceRoles: ReadonlyMap<string, ServiceRole>;
  /** Keys of frontends that are others than in the view before, undefined for any. */
  readonly changedFrontends: ReadonlySet<string> | undefined;
  /** Undefined until Services and their endpoint slices are listed; the same object while no name changes. */
  readonly names: NameZone | undefined;
  /** Which one it is: 1 for the first, the revision by which the feed brings it to the DNS process. */
  readonly namesRevision: number;
  /** The cluster's Corefile, without text where it has none; undefined until that is known. */
  readonly corefile: Pick<Corefile, 'text'> | undefined;
  /** Of the node's pods; undefined until Pods are listed, the same object while none changes. */
  readonly searchLists: readonly SearchList[] | undefined;
}

/** What decides beside the objects of the API. */
export interface ViewSources {
  readonly choices: BackendChoices;
  /** The node's pod links of the moment. */
  readonly links: () => readonly PodLink[];
  readonly learned: LearnedSource;
  /** Search domains of the node's own resolv.conf. */
  readonly hostSearches: () => readonly string[];
  /** What was passed over, in words. */
  readonly onProblem: (text: string) => void;
}

const NO_COREFILE = { text: undefined };

/** Makes views, computing anew what changed. */
export class ViewCompiler {
  readonly #nodeName: string;
  readonly #choices: BackendChoices;
  readonly #links: () => readonly PodLink[];
  readonly #ownPods: OwnPods;
  readonly #policies: PolicyPart;
  readonly #inputs = new ServiceInputs();
  readonly #nodes: NodeCompiler;
  readonly #names: NameCompiler;
  readonly #searchLists: SearchListPart;
  readonly #vxlan = new VxlanMemo();
  #zones: { readonly last: NameZone | undefined; readonly count: number } = { last: undefined, count: 0 };
  #known: { readonly node: NodeView | undefined; readonly isSynced: boolean } | undefined;

  constructor(config: AgentConfig, sources: ViewSources) {
    const { podCidrs, serviceCidrs, clusterDomain, dnsIps, nodePortAddresses, allowsExternalIps } = config;
    const settings = { podCidrs, serviceCidrs, clusterDomain, dnsIps, nodePortAddresses, allowsExternalIps };
    const { choices, links, learned, hostSearches, onProblem } = sources;
    this.#nodeName = config.nodeName;
    this.#choices = choices;
    this.#links = links;
    this.#ownPods = new OwnPods(config.nodeName);
    this.#policies = new PolicyPart(config, { links, learned });
    this.#nodes = new NodeCompiler(settings, config.nodeName);
    // Records of single pods would need every pod of the cluster on every node.
    this.#names = new NameCompiler({ prefixes: [...podCidrs, ...serviceCidrs], hasPodRecords: false });
    this.#searchLists = new SearchListPart({ clusterDomain, hostSearches, onProblem });
  }

  /**
   * `state` is read during the call alone. `changes` since the call before, undefined for any; `underlay` is undefined while the link that
   * carries the tunnel is not there.
   */
  compile(state: Snapshot, underlay: Underlay | undefined, changes: Changes | undefined): AgentView {
    const all = clusterObjectsOf(state);
    this.#ownPods.update(all.pods, this.#known && changes && (changes.get(POD_KIND.name) ?? NO_KEYS));
    const objects = { ...all, pods: this.#ownPods.pods };
    const isKnown = state.of(SERVICE_KIND).isSynced && state.of(ENDPOINT_SLICE_KIND).isSynced;
    const [settings, corefiles] = [state.of(SETTINGS_KIND), state.of(COREFILE_KIND)];
    const wanted = settings.get(CLUSTER_SETTINGS_KEY);
    const schedulerIs = schedulerProblem(wanted?.ipvsScheduler);
    if (settings.isSynced)
      wantBackends(this.#choices, wanted, {
        beside: schedulerIs ?? xdpProblem(wanted?.xdp),
        links: this.#links(),
      });
    const hasNodes = state.of(NODE_KIND).isSynced;
    const nodeChanges = this.#follow(objects, this.#known === undefined ? undefined : changes);
    const { view, changedFrontends } = this.#nodes.compile(objects, this.#inputs, nodeChanges);
    const names = this.#names.compile(objects, this.#inputs, nodeChanges);
    if (isKnown && names !== this.#zones.last) this.#zones = { last: names, count: this.#zones.count + 1 };
    const node = hasNodes ? view : undefined;
    const scheduler = schedulerIs === undefined ? wanted?.ipvsScheduler : undefined;
    const hasXdp = readXdpMode(wanted?.xdp) === 'native';
    const services = isKnown ? withSettings(node, { ipvsScheduler: scheduler, hasXdp }) : undefined;
    // Whoever rendered nothing for what was not known has missed the changes meanwhile.
    const hasMissed = this.#known?.isSynced !== true;
    this.#known = { node, isSynced: services !== undefined };
    const { view: policies, changedAddresses } = this.#policies.compile(state, changes);
    return {
      policies,
      changedAddresses,
      policyRoles: this.#choices.policies.roles(),
      node,
      vxlan: node === undefined || underlay === undefined ? undefined : this.#vxlan.render(node, underlay),
      services,
      isDraining: objects.nodes.get(this.#nodeName)?.isDraining ?? false,
      serviceRoles: serviceRoles(this.#choices),
      changedFrontends: hasMissed ? undefined : changedFrontends,
      names: isKnown ? names : undefined,
      namesRevision: this.#zones.count,
      corefile: corefiles.isSynced ? (corefiles.get(COREFILE_KEY) ?? NO_COREFILE) : undefined,
      searchLists: state.of(POD_KIND).isSynced
        ? this.#searchLists.compile(this.#links(), this.#ownPods.pods)
        : undefined,
    };
  }

  #follow(
    objects: ReturnType<typeof clusterObjectsOf>,
    changes: Changes | undefined,
  ): NodeChanges | undefined {
    const changed = changes && {
      nodes: changes.get(NODE_KIND.name) ?? NO_KEYS,
      pods: this.#ownPods.changed,
      services: changes.get(SERVICE_KIND.name) ?? NO_KEYS,
      endpointSlices: changes.get(ENDPOINT_SLICE_KIND.name) ?? NO_KEYS,
    };
    const services = this.#inputs.update(objects, changed);
    return changed === undefined || services === undefined ? undefined : { objects: changed, services };
  }
}

/** The tunnel again where nothing that decides it is another object: most changes are of Services. */
class VxlanMemo {
  #inputs: readonly unknown[] = [];
  #state: VxlanState | undefined;

  render(view: NodeView, underlay: Underlay): VxlanState {
    const { node, peers, cluster } = view;
    const inputs = [node, peers, cluster, underlay];
    if (this.#state !== undefined && inputs.every((it, at) => it === this.#inputs[at])) return this.#state;
    this.#inputs = inputs;
    this.#state = renderVxlan({ node, peers, cluster }, underlay);
    return this.#state;
  }
}

type Settings = Pick<NodeView['cluster'], 'ipvsScheduler' | 'hasXdp'>;

function withSettings(view: NodeView | undefined, settings: Settings): NodeView | undefined {
  if (view === undefined || (settings.ipvsScheduler === undefined && settings.hasXdp !== true)) return view;
  return { ...view, cluster: { ...view.cluster, ...settings } };
}

function xdpProblem(text: string | undefined): string | undefined {
  if (readXdpMode(text) !== undefined) return undefined;
  return `xdp "${text}" is none of ${XDP_MODES.join(', ')}`;
}

const NO_KEYS: ReadonlySet<string> = new Set();

/** A view that nobody took yet and the one that takes its place. */
export function mergeViews(older: AgentView, newer: AgentView): AgentView {
  return {
    ...newer,
    changedFrontends: mergeKeys(older.changedFrontends, newer.changedFrontends),
    changedAddresses: mergeKeys(older.changedAddresses, newer.changedAddresses),
  };
}

function mergeKeys<K>(
  before: ReadonlySet<K> | undefined,
  after: ReadonlySet<K> | undefined,
): ReadonlySet<K> | undefined {
  return before === undefined || after === undefined ? undefined : before.union(after);
}
