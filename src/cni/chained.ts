// Behind another plugin that has made the interface: Fairlead leases and makes nothing, it puts the data path and the policy gate on the
// interface's host side and hands the result on.

import type { FairleadError } from '../base/errors.ts';
import { parseInterfaceAddress } from '../base/cidr.ts';
import type { Ip } from '../base/ip.ts';
import type { Link } from '../sys/netlink-types.ts';
import { hostLinkName, type AttachmentKey } from './attachment-names.ts';
import { CNI_ERROR, cniError } from './cni-error.ts';
import type { CniContext } from './context.ts';
import type { PodDoor } from './doors.ts';
import { openPod } from './open-pod.ts';
import type { CniRequest } from './request.ts';
import type { CniResult } from './result.ts';

type PodRequest = Extract<CniRequest, { readonly kind: 'ADD' | 'CHECK' }>;

/** True when the result names the interface and it is none of ours: another plugin of the chain made it. */
export function isMadeByAnother(key: AttachmentKey, result: CniResult | undefined): result is CniResult {
  if (result === undefined) return false;
  const hasPodSide = result.interfaces.some((it) => it.name === key.ifname && it.sandbox !== undefined);
  return hasPodSide && !result.interfaces.some((it) => it.name === hostLinkName(key));
}

/** The result before, unchanged. The interface is up already: packets before the gate are the other plugin's. */
export async function adoptInterface(
  context: CniContext,
  of: { readonly request: PodRequest; readonly before: CniResult },
  signal: AbortSignal,
): Promise<CniResult> {
  const { request, before } = of;
  const { podLink, hostLink } = await findEnds(context, request);
  if (podLink.mac === undefined) throw notUsable(request, 'it has no Ethernet address');
  const ips = ipsOf(before, request.key.ifname);
  const linkName = hostLink.name;
  const { index: ifindex, master: bridge } = hostLink;
  await context.datapath.attach({ linkName, ifindex, ips, mac: podLink.mac, names: request.pod, bridge });
  try {
    await context.waitForPolicy({ ...request.key, names: request.pod, ips, linkName }, signal);
    signal.throwIfAborted();
  } catch (error) {
    await context.datapath.detach(ifindex);
    throw error;
  }
  return before;
}

/** What CHECK has to say of such an interface: both ends and every address of the result are there. */
export async function checkAdopted(
  context: CniContext,
  request: PodRequest,
  before: CniResult,
): Promise<readonly string[]> {
  const pod = openPod(context, request.netns);
  try {
    const { ifname } = request.key;
    if ((await pod.netlink.link(ifname)) === undefined) return [`pod: link ${ifname} is missing`];
    const present = new Set((await pod.netlink.addresses(ifname)).map((it) => it.ip));
    return ipsOf(before, ifname)
      .filter((ip) => !present.has(ip))
      .map((ip) => `pod: address ${ip} is missing`);
  } finally {
    pod.close();
  }
}

/** Takes the data path off, where the host side is still there to be told by its name. */
export async function releaseInterface(context: CniContext, before: CniResult): Promise<void> {
  for (const { name, sandbox } of before.interfaces) {
    const link = sandbox === undefined ? await context.node.netlink.link(name) : undefined;
    if (link !== undefined) await context.datapath.detach(link.index);
  }
}

async function findEnds(
  context: CniContext,
  request: PodRequest,
): Promise<{ readonly podLink: Link; readonly hostLink: Link }> {
  const pod = openPod(context, request.netns);
  try {
    const podLink = await podLinkOf(pod, request);
    const hostLink = (await context.node.netlink.links()).find(
      (it) => it.kind === 'veth' && it.index === podLink.linkIndex && it.linkIndex === podLink.index,
    );
    if (hostLink === undefined) throw notUsable(request, 'it is no veth pair with its other end in the node');
    return { podLink, hostLink };
  } finally {
    pod.close();
  }
}

async function podLinkOf(pod: PodDoor, request: PodRequest): Promise<Link> {
  const link = await pod.netlink.link(request.key.ifname);
  if (link === undefined) throw notUsable(request, 'it is not in the pod');
  return link;
}

function ipsOf(result: CniResult, ifname: string): readonly Ip[] {
  const index = result.interfaces.findIndex((it) => it.name === ifname && it.sandbox !== undefined);
  return result.ips.filter((it) => it.interface === index).map((it) => parseInterfaceAddress(it.address).ip);
}

function notUsable(request: PodRequest, cause: string): FairleadError {
  return cniError(
    CNI_ERROR.invalidConfig,
    `Cannot take over interface ${request.key.ifname} of the plugin before: ${cause}`,
  );
}
