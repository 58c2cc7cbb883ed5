// ADD: lease, link, addresses, data path, policy gate, then up. What fails midway leaves nothing behind.

import { FairleadError, isAlreadyExists } from '../base/errors.ts';
import { familyOf, type Ip } from '../base/ip.ts';
import { errnoOf } from '../sys/errno.ts';
import { adoptInterface, isMadeByAnother } from './chained.ts';
import { CNI_ERROR, cniError } from './cni-error.ts';
import type { CniContext } from './context.ts';
import type { PodDoor } from './doors.ts';
import {
  attachmentOf,
  configurePod,
  createPair,
  defaultRouteOf,
  enableIpv6,
  markHostSide,
  openHostSide,
  POD_GATEWAYS,
  prefixLengthOf,
  type Attachment,
} from './plumbing.ts';
import { openPod } from './open-pod.ts';
import type { CniRequest } from './request.ts';
import type { CniResult } from './result.ts';
import { UndoList } from './undo-list.ts';

type AddRequest = Extract<CniRequest, { readonly kind: 'ADD' | 'CHECK' }>;

const SENDING_ATTEMPTS = 500;
const SENDING_PAUSE_MS = 2;

/** The result in the inner form. `signal` ends the wait for policies: the caller has gone. */
export async function addAttachment(
  context: CniContext,
  request: AddRequest,
  signal: AbortSignal,
): Promise<CniResult> {
  const before = request.config.prevResult;
  if (isMadeByAnother(request.key, before)) return adoptInterface(context, { request, before }, signal);
  const pod = openPod(context, request.netns);
  const undo = new UndoList();
  try {
    const attachment = leaseAddresses(context, request, undo);
    await makeLinks(context, { attachment, pod, netns: request.netns }, undo);
    await openGate(context, { request, attachment }, { undo, signal });
    await waitUntilSending(context, pod, request.key.ifname);
    return resultOf(request, attachment);
  } catch (error) {
    throw await undo.run(error);
  } finally {
    pod.close();
  }
}

function leaseAddresses(context: CniContext, request: AddRequest, undo: UndoList): Attachment {
  const { mtuBytes, nodeIps } = context.network();
  const isNew = context.leases.get(request.key) === undefined;
  const lease = context.leases.acquire({
    ...request.key,
    network: request.config.name,
    netns: request.netns,
    pod: request.pod,
  });
  if (isNew) {
    undo.push('release addresses', () => {
      context.leases.release(request.key, { wasUsed: false });
      return Promise.resolve();
    });
  }
  return attachmentOf(request.key, { ips: lease.ips, mtuBytes, nodeIps });
}

async function makeLinks(
  context: CniContext,
  of: { readonly attachment: Attachment; readonly pod: PodDoor; readonly netns: string },
  undo: UndoList,
): Promise<void> {
  const { attachment, pod } = of;
  await context.node.netlink.apply([createPair(attachment, pod.netns)]).catch((error: unknown) => {
    throw isAlreadyExists(error) ? interfaceExists(attachment, of.netns, error) : error;
  });
  undo.push('delete link', () => context.remover.remove(attachment.hostLink));
  await context.node.netlink.apply([markHostSide(attachment)]);
  await configure(pod, attachment);
}

/** Asking for IPv6 only where it is refused saves every other ADD a visit of the pod's namespace. */
async function configure(pod: PodDoor, attachment: Attachment): Promise<void> {
  try {
    await pod.netlink.apply(configurePod(attachment));
  } catch (error) {
    if (errnoOf(error) !== 'EACCES') throw error;
    pod.writeSysctls(enableIpv6(attachment.key.ifname));
    // Addresses are set in order: those before the first of IPv6 stand already.
    const ips = attachment.ips.slice(attachment.ips.findIndex((ip) => familyOf(ip) === 6));
    await pod.netlink.apply(configurePod({ ...attachment, ips }));
  }
}

async function openGate(
  context: CniContext,
  of: { readonly request: AddRequest; readonly attachment: Attachment },
  { undo, signal }: { readonly undo: UndoList; readonly signal: AbortSignal },
): Promise<void> {
  const { request, attachment } = of;
  const { hostLink: linkName, ips, podMac } = attachment;
  const ifindex = await context.node.netlink.linkIndex(linkName);
  if (ifindex === undefined) throw new FairleadError('conflict', `Cannot find link ${linkName} just made`);
  context.leases.noteLink(request.key, ifindex);
  undo.push('detach data path', () => context.datapath.detach(ifindex));
  await context.datapath.attach({ linkName, ifindex, ips, mac: podMac, names: request.pod });
  await context.waitForPolicy({ ...request.key, names: request.pod, ips, linkName }, signal);
  signal.throwIfAborted();
  await context.node.netlink.apply(openHostSide(attachment));
}

/**
 * The pod's end sends nothing until the kernel's link watch has seen the carrier that the host side brought. Asking for the
 * link makes newer kernels look at once (rtnl_getlink); on older ones it takes a moment.
 */
async function waitUntilSending(context: CniContext, pod: PodDoor, ifname: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const link = await pod.netlink.link(ifname);
    if (link?.qdisc !== 'noop') return;
    if (attempt === SENDING_ATTEMPTS) {
      throw new FairleadError('timeout', `Cannot bring ${ifname} up: it has no carrier after a second`);
    }
    await context.clock.sleep(SENDING_PAUSE_MS);
  }
}

function resultOf(request: AddRequest, attachment: Attachment): CniResult {
  const { key, hostLink, hostMac, podMac, mtuBytes, ips } = attachment;
  const before = request.config.prevResult;
  const none = { socketPath: undefined, pciId: undefined };
  const interfaces = [
    ...(before?.interfaces ?? []),
    { name: hostLink, mac: hostMac, mtuBytes, sandbox: undefined, ...none },
    { name: key.ifname, mac: podMac, mtuBytes, sandbox: request.netns, ...none },
  ];
  return {
    interfaces,
    ips: [...(before?.ips ?? []), ...ips.map((ip) => ipEntry(ip, interfaces.length - 1))],
    routes: [...(before?.routes ?? []), ...ips.map((ip) => routeEntry(ip, mtuBytes))],
    dns: request.config.dns ?? before?.dns,
  };
}

function ipEntry(ip: Ip, interfaceIndex: number): CniResult['ips'][number] {
  return {
    address: `${ip}/${prefixLengthOf(ip)}`,
    gateway: POD_GATEWAYS[familyOf(ip)],
    interface: interfaceIndex,
  };
}

function routeEntry(ip: Ip, mtuBytes: number): CniResult['routes'][number] {
  const none = { advmss: undefined, priority: undefined, table: undefined, scope: undefined };
  return { dst: defaultRouteOf(ip), gw: POD_GATEWAYS[familyOf(ip)], mtuBytes, ...none };
}

function interfaceExists(attachment: Attachment, netns: string, cause: unknown): FairleadError {
  const { key, hostLink } = attachment;
  return cniError(
    CNI_ERROR.interfaceExists,
    `Cannot add ${key.ifname} to container ${key.containerId}: ${key.ifname} in ${netns} or its host side ${hostLink} exists already, a DEL is missing`,
    { cause },
  );
}
