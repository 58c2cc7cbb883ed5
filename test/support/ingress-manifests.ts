// Ingresses in short words.

export interface AnIngress {
  readonly name: string;
  /** Without their prefix. */
  readonly annotations: Readonly<Record<string, string>>;
  readonly host: string;
  /** Path to the name of a Service. */
  readonly paths: Readonly<Record<string, string>>;
  /** Names whose certificate is in a Secret of the Ingress's name. */
  readonly tls?: readonly string[];
}

/** Of class `fairlead`, in namespace `default`. */
function ingressOf({ name, annotations, host, paths, tls }: AnIngress): string {
  return JSON.stringify({
    kind: 'Ingress',
    apiVersion: 'networking.k8s.io/v1',
    metadata: {
      namespace: 'default',
      name,
      annotations: Object.fromEntries(
        Object.entries(annotations).map(([key, value]) => [`nginx.ingress.kubernetes.io/${key}`, value]),
      ),
    },
    spec: {
      ingressClassName: 'fairlead',
      tls: tls === undefined ? [] : [{ hosts: tls, secretName: name }],
      rules: [{ host, http: { paths: Object.entries(paths).map(pathOf) } }],
    },
  });
}

export function annotated(...ingresses: readonly AnIngress[]): string {
  return ingresses.map(ingressOf).join('\n---\n');
}

function pathOf([path, name]: readonly [string, string]): object {
  return { path, pathType: 'Prefix', backend: { service: { name, port: { number: 8080 } } } };
}
