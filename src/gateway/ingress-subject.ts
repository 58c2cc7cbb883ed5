// The Ingresses of a class as those whom a proxy is for.

import { IngressCompiler } from '../compile/gateway/ingress-compiler.ts';
import type { IngressObjects } from '../compile/gateway/ingress-objects.ts';
import { INGRESS_CLASSES, INGRESSES, SECRETS } from '../kube/resource.ts';
import type { ProxyCertificate } from '../model/gateway.ts';
import type { IngressVerdict } from '../model/ingress-verdict.ts';
import { parseCredentialSecret } from '../objects/credentials.ts';
import { parseIngress, parseIngressClass } from '../objects/ingress.ts';
import { objectKey } from '../objects/slim-meta.ts';
import type { Snapshot } from '../store/store.ts';
import { startClusterWatch, watchedKind, type ClusterWatch, type WatchContext } from './cluster-watch.ts';
import type { ProxySubject } from './control.ts';
import type { SubjectOptions } from './gateway-subject.ts';
import { expiryProblems } from './certificate-expiry.ts';
import type { ObjectWithProblems } from './problem-events.ts';
import { ingressStatusWrites } from './ingress-status.ts';
import type { ProxyFindings } from './proxy-findings.ts';
import { serviceAddresses, SHARED_KINDS, zoneOfNode } from './shared-kinds.ts';

const KINDS = {
  ...SHARED_KINDS,
  ingressClasses: watchedKind('IngressClass', INGRESS_CLASSES, parseIngressClass),
  credentials: watchedKind('CredentialSecret', SECRETS, parseCredentialSecret, {
    selection: { fieldSelector: 'type=Opaque' },
  }),
  ingresses: watchedKind('Ingress', INGRESSES, parseIngress, { hasOwnStatus: true }),
};

export function startIngressWatch(context: WatchContext): ClusterWatch {
  return startClusterWatch(Object.values(KINDS), context);
}

export interface IngressSubjectOptions extends SubjectOptions {
  readonly defaultCertificate: ProxyCertificate;
}

export function ingressSubject(className: string, options: IngressSubjectOptions): ProxySubject {
  const { service, node, watch, writer, events, clock, defaultCertificate } = options;
  const compiler = new IngressCompiler(className);
  return {
    compile(snapshot) {
      const objects = ingressObjectsOf(snapshot);
      if (objects === undefined) return undefined;
      const place = { node: { name: node, zone: zoneOfNode(snapshot, node) }, defaultCertificate };
      const { model, verdicts, ofClass } = compiler.compile(objects, place);
      return {
        model,
        say: async (findings) => {
          const addresses = serviceAddresses(watch.store.live(), service);
          const writes = ingressStatusWrites({
            verdicts,
            addresses,
            seen: watch.seen.of(KINDS.ingresses.kind.name),
          });
          const isWritten = await writer.write(writes);
          const told = [
            ...(ofClass === undefined ? [] : [classProblems(ofClass)]),
            ...verdicts.map((it) => withFindings(it, findings)),
            ...expiryProblems(model.certificates.values(), clock.nowMs()),
          ];
          return (await events.tell(told)) && isWritten;
        },
      };
    },
  };
}

function classProblems(verdict: IngressVerdict): ObjectWithProblems {
  return { ...verdict, resource: INGRESS_CLASSES };
}

/** What the proxy has not done of what the compile asked of it. */
function withFindings(verdict: IngressVerdict, { routes }: ProxyFindings): ObjectWithProblems {
  const message = routes.get(`Ingress ${objectKey(verdict)}`);
  const refused = message === undefined ? [] : [{ reason: 'ProxyRefused', message }];
  return { ...verdict, resource: INGRESSES, problems: [...verdict.problems, ...refused] };
}

function ingressObjectsOf(snapshot: Snapshot): IngressObjects | undefined {
  if (!snapshot.isSynced) return undefined;
  return {
    ingressClasses: snapshot.of(KINDS.ingressClasses.kind).objects,
    ingresses: snapshot.of(KINDS.ingresses.kind).objects,
    services: snapshot.of(KINDS.services.kind).objects,
    endpointSlices: snapshot.of(KINDS.endpointSlices.kind).objects,
    secrets: snapshot.of(KINDS.secrets.kind).objects,
    credentials: snapshot.of(KINDS.credentials.kind).objects,
  };
}
