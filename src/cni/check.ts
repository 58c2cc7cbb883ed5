// CHECK: compares what ADD made with what is there and names everything that is missing or changed.

import { attachmentKeyText } from './attachment-names.ts';
import { checkAdopted, isMadeByAnother } from './chained.ts';
import { CNI_ERROR, cniError } from './cni-error.ts';
import type { CniContext } from './context.ts';
import type { PodDoor } from './doors.ts';
import { findMissing, type Side } from './find-missing.ts';
import type { Lease } from './lease-store.ts';
import { openPod } from './open-pod.ts';
import { attachmentOf, configurePod, openHostSide, prefixLengthOf, type Attachment } from './plumbing.ts';
import type { CniRequest } from './request.ts';
import type { CniResult } from './result.ts';

type CheckRequest = Extract<CniRequest, { readonly kind: 'ADD' | 'CHECK' }>;

/** Throws code 102 with every finding in `details`; what later plugins of a chain added is no finding. */
export async function checkAttachment(context: CniContext, request: CheckRequest): Promise<void> {
  const { key, netns, config } = request;
  if (config.prevResult === undefined) {
    throw cniError(CNI_ERROR.invalidConfig, 'Cannot check the attachment: "prevResult" is missing');
  }
  if (isMadeByAnother(key, config.prevResult)) {
    const findings = await checkAdopted(context, request, config.prevResult);
    if (findings.length > 0) throw failed(request, findings);
    return;
  }
  const lease = context.leases.get(key);
  if (lease === undefined) throw failed(request, ['lease: none']);
  const pod = openPod(context, netns);
  try {
    const findings = await findingsOf(context, { lease, prevResult: config.prevResult, pod });
    if (findings.length > 0) throw failed(request, findings);
  } finally {
    pod.close();
  }
}

interface Checked {
  readonly lease: Lease;
  readonly prevResult: CniResult;
  readonly pod: PodDoor;
}

async function findingsOf(context: CniContext, checked: Checked): Promise<readonly string[]> {
  const { lease, prevResult, pod } = checked;
  const { mtuBytes, nodeIps } = context.network();
  const attachment = attachmentOf(lease, { ips: lease.ips, mtuBytes, nodeIps });
  const expectedMtu = (name: string): number =>
    prevResult.interfaces.find((it) => it.name === name)?.mtuBytes ?? mtuBytes;
  const node: Side = {
    where: 'node',
    netlink: context.node.netlink,
    link: attachment.hostLink,
    mac: attachment.hostMac,
    mtuBytes: expectedMtu(attachment.hostLink),
  };
  const inside: Side = {
    where: 'pod',
    netlink: pod.netlink,
    link: lease.ifname,
    mac: attachment.podMac,
    mtuBytes: expectedMtu(lease.ifname),
  };
  return [
    ...leaseFindings(lease, prevResult),
    ...(await findMissing(node, openHostSide(attachment))),
    ...(await findMissing(inside, expectedInPod(attachment, prevResult))),
  ];
}

/** A later plugin may have taken a route of ours over; then the result does not name it any more. */
function expectedInPod(attachment: Attachment, prevResult: CniResult): ReturnType<typeof configurePod> {
  const hasRoute = (dst: string): boolean => prevResult.routes.some((it) => it.dst === dst);
  return configurePod(attachment).filter(
    (change) => change.kind !== 'replace-route' || hasRoute(change.destination),
  );
}

/** What the result says of this interface must be what is leased. */
function leaseFindings(lease: Lease, prevResult: CniResult): readonly string[] {
  const named = new Set(prevResult.ips.map((it) => it.address));
  return lease.ips
    .filter((ip) => !named.has(`${ip}/${prefixLengthOf(ip)}`))
    .map((ip) => `lease: ${ip} is not in prevResult`);
}

function failed(request: CheckRequest, findings: readonly string[]): Error {
  return cniError(
    CNI_ERROR.checkFailed,
    `Check of ${attachmentKeyText(request.key)} failed: ${findings[0] ?? ''}${findings.length > 1 ? ` and ${findings.length - 1} more` : ''}`,
    { details: findings.join('; ') },
  );
}
