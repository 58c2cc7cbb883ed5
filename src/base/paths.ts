// Where a cluster of this machine keeps its files: one table, so that `down` knows all that `up` may have made.

/** Files and folders of one cluster. `run` is gone after a reboot, `state` is not. */
export interface ClusterPaths {
  readonly run: string;
  readonly state: string;
  readonly log: string;
  readonly pki: string;
  /** Admin kubeconfig that `kubectl --kubeconfig` takes. */
  readonly kubeconfig: string;
  /** bpffs of this cluster alone: unmounting it drops every pin. */
  readonly bpf: string;
  /** cgroup v2 folder, below it one per node, below that one per pod. */
  readonly cgroup: string;
  /** Unix socket on which the kubelet part serves logs and exec to the API server. */
  readonly kubeletSocket: string;
}

/** Files of one node's processes. */
export interface NodePaths {
  readonly run: string;
  readonly state: string;
  readonly bpf: string;
  readonly cgroup: string;
  /** The network namespace of the node, as `ip netns` lists it. */
  readonly netns: string;
  readonly cniSocket: string;
  readonly agentSocket: string;
  readonly dnsSocket: string;
  /** Where the DNS process tells the agent which addresses names have. */
  readonly learnSocket: string;
  readonly workloadSocket: string;
}

export interface PathRoots {
  readonly run: string;
  readonly state: string;
  readonly cgroup: string;
  readonly netns: string;
}

/** The roots on a real machine; `cgroup` is the v2 mount, which differs on hybrid systems. */
export function pathRoots(cgroupMount: string): PathRoots {
  return {
    run: '/run/fairlead',
    state: '/var/lib/fairlead',
    cgroup: `${cgroupMount}/fairlead`,
    netns: '/run/netns',
  };
}

export function clusterPaths(roots: PathRoots, cluster: string): ClusterPaths {
  const run = `${roots.run}/${cluster}`;
  const state = `${roots.state}/${cluster}`;
  return {
    run,
    state,
    log: `${state}/log`,
    pki: `${state}/pki`,
    kubeconfig: `${state}/kubeconfig`,
    bpf: `${run}/bpf`,
    cgroup: `${roots.cgroup}/${cluster}`,
    kubeletSocket: `${run}/kubelet.sock`,
  };
}

export function nodePaths(roots: PathRoots, cluster: string, node: string): NodePaths {
  const of = clusterPaths(roots, cluster);
  const run = `${of.run}/nodes/${node}`;
  return {
    run,
    state: `${of.state}/nodes/${node}`,
    bpf: `${of.bpf}/${node}`,
    cgroup: `${of.cgroup}/${node}`,
    netns: nodeNetns(roots, cluster, node),
    cniSocket: `${run}/cni.sock`,
    agentSocket: `${run}/agent.sock`,
    dnsSocket: `${run}/dns.sock`,
    learnSocket: `${run}/learn.sock`,
    workloadSocket: `${run}/workload.sock`,
  };
}

/** Namespace of this cluster below /run/netns; `owner` is a node's name or "fabric". The dot cannot be in a cluster's name, so prefixes are exact. */
export function nodeNetns(roots: PathRoots, cluster: string, owner: string): string {
  return `${roots.netns}/${cluster}.${owner}`;
}

/** The namespace of a pod: its uid, so that a pod of the same name made again never meets the old one's. */
export function podNetns(roots: PathRoots, cluster: string, podUid: string): string {
  return `${roots.netns}/${cluster}.pod.${podUid}`;
}
