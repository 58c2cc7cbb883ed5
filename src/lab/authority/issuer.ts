// The authority of a one-machine cluster for its Gateways: issues what listeners ask for into Secrets, and renews it long before it ends.

import type { Clock } from '../../base/clock.ts';
import { FairleadError, hasCode, messageOf } from '../../base/errors.ts';
import type { ClusterReader } from '../../controllers/controller.ts';
import type { KubeClient } from '../../kube/kube-client.ts';
import { SECRETS } from '../../kube/resource.ts';
import { Due } from '../../base/due.ts';
import type { CertificateAuthority } from '../cluster/pki.ts';
import {
  isDue,
  keyOfWanted,
  NAMES_ANNOTATION,
  namesText,
  RENEW_ANNOTATION,
  wantedCertificates,
  type WantedCertificate,
} from './wanted-certificates.ts';

export interface IssuerOptions {
  readonly authority: CertificateAuthority;
  readonly client: KubeClient;
  readonly cluster: ClusterReader;
  /** Resolves while all that decides is known and fresh. */
  readonly connected: (signal: AbortSignal) => Promise<void>;
  /** Calls the listener whenever something that decides has changed. */
  readonly subscribe: (listener: () => void) => () => void;
  readonly clock: Clock;
  readonly onProblem: (error: FairleadError) => void;
}

const VALID_DAYS = 90;
/** Renewed after two thirds of its life. */
const RENEW_DAYS = 60;
const DAY_MS = 86_400_000;
const PERIOD_MS = 60_000;
const RETRY_MS = 1_000;

/** Runs until `signal` aborts. */
export async function runIssuer(options: IssuerOptions, signal: AbortSignal): Promise<void> {
  const due = new Due(options.clock, signal);
  const end = options.subscribe(() => due.mark());
  due.mark();
  while (await due.next(PERIOD_MS)) {
    try {
      await options.connected(signal);
      await issueAll(options, signal);
    } catch (error) {
      if (signal.aborted) break;
      // Written by somebody meanwhile: the watch brings what stands.
      if (!hasCode(error, 'conflict') && !hasCode(error, 'already-exists'))
        options.onProblem(
          new FairleadError('unavailable', `Cannot issue certificates: ${messageOf(error)}`, {
            cause: error,
          }),
        );
      due.markAfter(RETRY_MS);
    }
  }
  end();
}

async function issueAll({ cluster, clock, ...options }: IssuerOptions, signal: AbortSignal): Promise<void> {
  for (const wanted of wantedCertificates(cluster))
    if (isDue(wanted, cluster, clock.nowMs())) await issue(wanted, { cluster, clock, ...options }, signal);
}

async function issue(
  wanted: WantedCertificate,
  { authority, client, cluster, clock }: IssuerOptions,
  signal: AbortSignal,
): Promise<void> {
  const { namespace, name, dns, ips, owner } = wanted;
  const pair = await authority.server(dns[0] ?? name, { dns, ips }, VALID_DAYS);
  const annotations = {
    [NAMES_ANNOTATION]: namesText(wanted),
    [RENEW_ANNOTATION]: new Date(clock.nowMs() + RENEW_DAYS * DAY_MS).toISOString(),
  };
  const object = {
    metadata: { namespace, name, annotations, ownerReferences: [owner] },
    type: 'kubernetes.io/tls',
    data: {
      'tls.crt': encoded(`${pair.certificate.trimEnd()}\n${authority.certificatePem}`),
      'tls.key': encoded(pair.key),
      'ca.crt': encoded(authority.certificatePem),
    },
  };
  const before = cluster.of(SECRETS).get(keyOfWanted(wanted));
  if (before === undefined) await client.create(SECRETS, object, { signal });
  else {
    const { resourceVersion } = before.metadata;
    await client.update(
      SECRETS,
      { ...object, metadata: { ...object.metadata, resourceVersion } },
      { signal },
    );
  }
}

function encoded(pem: string): string {
  return Buffer.from(pem.endsWith('\n') ? pem : `${pem}\n`).toString('base64');
}
