// What the agent knows at a moment, in the form that its targets render from. What is not known yet is undefined, never empty:
// a target whose inputs are unknown is left as it is.

import { renderVxlan } from '../backends/network-vxlan/render.ts';
import type { Underlay, VxlanState } from '../backends/network-vxlan/entries.ts';
import { ClusterCompiler } from '../compile/cluster.ts';
import { viewOfNode } from '../compile/view.ts';
import type { NodeView } from '../model/network.ts';
import type { Snapshot } from '../store/store.ts';
import { clusterObjectsOf } from './cluster-watch.ts';
import type { AgentConfig } from './config.ts';
import { ENDPOINT_SLICE_KIND, NODE_KIND, SERVICE_KIND } from './watched-kinds.ts';

export interface AgentView {
  /** Undefined until Nodes are listed, and while there is no Node object of this node. */
  readonly node: NodeView | undefined;
  readonly vxlan: VxlanState | undefined;
  /** The view again, for what Services need of it; undefined until Services and their endpoint slices are listed, too. */
  readonly services: NodeView | undefined;
  /** Names of the backends that carry Services. */
  readonly serviceCarriers: ReadonlySet<string>;
}

/** Makes views of snapshots, remembering what did not change. */
export class ViewCompiler {
  readonly #nodeName: string;
  readonly #proxy: string;
  readonly #compiler: ClusterCompiler;

  constructor(config: AgentConfig) {
    const { podCidrs, serviceCidrs, clusterDomain, dnsIps, nodePortAddresses, allowsExternalIps } = config;
    this.#nodeName = config.nodeName;
    this.#proxy = config.service.name;
    this.#compiler = new ClusterCompiler({
      podCidrs,
      serviceCidrs,
      clusterDomain,
      dnsIps,
      nodePortAddresses,
      allowsExternalIps,
    });
  }

  /** `underlay` is undefined while the link that carries the tunnel is not there. */
  compile(snapshot: Snapshot, underlay: Underlay | undefined): AgentView {
    const model = this.#compiler.compile(clusterObjectsOf(snapshot));
    const knowsServices = snapshot.of(SERVICE_KIND).isSynced && snapshot.of(ENDPOINT_SLICE_KIND).isSynced;
    const node = snapshot.of(NODE_KIND).isSynced ? viewOfNode(model, this.#nodeName) : undefined;
    const vxlan = node === undefined || underlay === undefined ? undefined : renderVxlan(node, underlay);
    const serviceCarriers = new Set([this.#proxy]);
    return { node, vxlan, services: knowsServices ? node : undefined, serviceCarriers };
  }
}
