// Kinds of Kubernetes that people bring and that cannot be here, with why. Clients find them, so that they can be told.

export interface UnservedKind {
  readonly group: string;
  /** The preferred one first. */
  readonly versions: readonly string[];
  readonly kind: string;
  readonly plural: string;
  readonly shortNames: readonly string[];
  readonly isNamespaced: boolean;
  /** Goes on after "are not served: ". */
  readonly because: string;
}

const WEBHOOKS = 'this server asks nobody outside about what it stores';

export const UNSERVED_KINDS: readonly UnservedKind[] = [
  {
    group: 'autoscaling',
    versions: ['v2', 'v1'],
    kind: 'HorizontalPodAutoscaler',
    plural: 'horizontalpodautoscalers',
    shortNames: ['hpa'],
    isNamespaced: true,
    because: 'nobody measures what pods use here, so that nothing can be scaled by it',
  },
  {
    group: 'certificates.k8s.io',
    versions: ['v1'],
    kind: 'CertificateSigningRequest',
    plural: 'certificatesigningrequests',
    shortNames: ['csr'],
    isNamespaced: false,
    because: 'the authority of this cluster signs no requests',
  },
  {
    group: 'admissionregistration.k8s.io',
    versions: ['v1'],
    kind: 'ValidatingWebhookConfiguration',
    plural: 'validatingwebhookconfigurations',
    shortNames: [],
    isNamespaced: false,
    because: WEBHOOKS,
  },
  {
    group: 'admissionregistration.k8s.io',
    versions: ['v1'],
    kind: 'MutatingWebhookConfiguration',
    plural: 'mutatingwebhookconfigurations',
    shortNames: [],
    isNamespaced: false,
    because: WEBHOOKS,
  },
  {
    group: 'apiregistration.k8s.io',
    versions: ['v1'],
    kind: 'APIService',
    plural: 'apiservices',
    shortNames: [],
    isNamespaced: false,
    because: 'this server passes no request on to another one',
  },
  {
    group: 'node.k8s.io',
    versions: ['v1'],
    kind: 'RuntimeClass',
    plural: 'runtimeclasses',
    shortNames: [],
    isNamespaced: false,
    because: 'there is one way to run a container here',
  },
];

/** "horizontalpodautoscalers.autoscaling are not served: ..."; undefined for a resource that is none of these. */
export function whyUnserved(group: string, plural: string): string | undefined {
  const found = UNSERVED_KINDS.find((it) => it.group === group && it.plural === plural);
  return found === undefined ? undefined : `${plural}.${group} are not served: ${found.because}`;
}
