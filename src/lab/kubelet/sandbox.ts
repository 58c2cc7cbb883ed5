// A pod's sandbox: its network namespace, connected by CNI, and the files in /etc that go with its addresses.

import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Clock } from '../../base/clock.ts';
import { isAlreadyExists, isNotFound } from '../../base/errors.ts';
import type { Ip } from '../../base/ip.ts';
import type { Pod } from '../../objects/api-types.ts';
import { removeCgroup } from '../../sys/cgroup.ts';
import { createNetns, deleteNetns } from '../../sys/netns.ts';
import { formatResolvConf, parseResolvConf, podResolvConf } from '../resolv-conf.ts';
import { POD_IFNAME, type AttachmentGarbage } from './attachment-garbage.ts';
import { addressesOfResult, type CniAttachment, type CniRuntime } from './cni-runtime.ts';
import { hostnameOf, podHosts } from './hosts-file.ts';
import type { NodeFolders, PodName } from './pod-folders.ts';
import type { PodRecord, SandboxRecord } from './pod-record.ts';
import { podSysctls } from './pod-sysctls.ts';

/** What the sandboxes of one node share. */
export interface SandboxNode {
  readonly folders: NodeFolders;
  readonly cni: CniRuntime;
  readonly garbage: AttachmentGarbage;
  readonly ips: readonly Ip[];
}

export interface SandboxOptions {
  readonly node: (name: string) => SandboxNode;
  /** Brings the loopback link of a namespace up. */
  readonly raiseLoopback: (netns: string, signal: AbortSignal) => Promise<void>;
  /** Settings by path below /proc/sys, of a namespace. */
  readonly writeSysctls: (netns: string, values: Readonly<Record<string, string>>) => void;
  readonly clusterDomain: string;
  readonly dnsIps: readonly string[];
  readonly clock: Clock;
}

const CGROUP_TIMEOUT_MS = 5000;

export class Sandboxes {
  readonly #options: SandboxOptions;

  constructor(options: SandboxOptions) {
    this.#options = options;
  }

  /** Throws with the CNI plugin's words; what a failed attempt left is taken away by the next one or by `remove`. */
  async make(pod: Pod, record: PodRecord, signal: AbortSignal): Promise<SandboxRecord> {
    const node = this.#options.node(record.node);
    const sandbox =
      pod.spec?.hostNetwork === true ? this.#hostSandbox(node) : await this.#connect(pod, record, signal);
    await this.#writeFiles(pod, record, sandbox.ips);
    return sandbox;
  }

  /** Disconnects and removes; succeeds when everything is gone already. */
  async remove(record: PodRecord, signal: AbortSignal): Promise<void> {
    const { folders, cni } = this.#options.node(record.node);
    const of = folders.pod(record);
    if (record.sandbox?.isHostNetwork !== true) {
      await cni.delete(attachmentOf(record, of.netns), record.sandbox?.cniResult, signal);
      await deleteNetns(of.netns).catch((error: unknown) => {
        if (!isNotFound(error)) throw error;
      });
    }
    await removeCgroup(of.cgroup, { clock: this.#options.clock, timeoutMs: CGROUP_TIMEOUT_MS, signal });
  }

  /** Takes away the pod's files; its logs too where `withLogs`. */
  async removeFiles(record: PodRecord, withLogs: boolean): Promise<void> {
    const of = this.#options.node(record.node).folders.pod(record);
    await rm(of.run, { recursive: true, force: true });
    if (withLogs) await rm(of.logs, { recursive: true, force: true });
  }

  #hostSandbox({ folders, ips }: SandboxNode): SandboxRecord {
    return {
      netns: folders.netns,
      isHostNetwork: true,
      ips,
      cniResult: undefined,
      madeAtMs: this.#options.clock.nowMs(),
    };
  }

  async #connect(pod: Pod, record: PodRecord, signal: AbortSignal): Promise<SandboxRecord> {
    const { folders, cni, garbage } = this.#options.node(record.node);
    const { netns } = folders.pod(record);
    const sysctls = podSysctls(pod);
    await garbage.collected();
    await this.#freshNetns(record, netns, signal);
    await this.#options.raiseLoopback(netns, signal);
    const cniResult = await cni.add(attachmentOf(record, netns, portMappings(pod)), signal);
    this.#options.writeSysctls(netns, sysctls);
    return {
      netns,
      isHostNetwork: false,
      ips: addressesOfResult(cniResult),
      cniResult,
      madeAtMs: this.#options.clock.nowMs(),
    };
  }

  /** A namespace that is there already is the rest of an attempt that failed midway: it goes, so that ADD starts clean. */
  async #freshNetns(record: PodRecord, netns: string, signal: AbortSignal): Promise<void> {
    try {
      createNetns(netns);
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
      await this.#options.node(record.node).cni.delete(attachmentOf(record, netns), undefined, signal);
      await deleteNetns(netns);
      createNetns(netns);
    }
  }

  async #writeFiles(pod: Pod, name: PodName, ips: readonly Ip[]): Promise<void> {
    const { clusterDomain, dnsIps } = this.#options;
    const of = this.#options.node(name.node).folders.pod(name);
    const host = parseResolvConf(await readFile('/etc/resolv.conf', 'utf8').catch(() => ''));
    const hostHosts = await readFile('/etc/hosts', 'utf8').catch(() => '');
    await mkdir(path.dirname(of.hosts), { recursive: true });
    await writeFile(of.resolvConf, formatResolvConf(podResolvConf(pod, { clusterDomain, dnsIps, host })));
    await writeFile(of.hosts, podHosts(pod, ips, clusterDomain, hostHosts));
    await writeFile(of.hostname, `${hostnameOf(pod)}\n`);
  }
}

function attachmentOf(
  record: PodRecord,
  netns: string,
  runtimeConfig: Readonly<Record<string, unknown>> = {},
): CniAttachment {
  return {
    containerId: record.uid,
    netns,
    ifname: POD_IFNAME,
    // What containerd and CRI-O pass.
    args: {
      IgnoreUnknown: '1',
      K8S_POD_NAMESPACE: record.namespace,
      K8S_POD_NAME: record.name,
      K8S_POD_INFRA_CONTAINER_ID: record.uid,
      K8S_POD_UID: record.uid,
    },
    runtimeConfig,
  };
}

function portMappings(pod: Pod): Readonly<Record<string, unknown>> {
  const mappings = (pod.spec?.containers ?? [])
    .flatMap((it) => it.ports ?? [])
    .filter((it) => it.hostPort !== undefined && it.hostPort > 0)
    .map((it) => ({
      hostPort: it.hostPort,
      containerPort: it.containerPort,
      protocol: (it.protocol ?? 'TCP').toLowerCase(),
      ...(it.hostIP !== undefined && it.hostIP !== '' && { hostIP: it.hostIP }),
    }));
  return mappings.length === 0 ? {} : { portMappings: mappings };
}
