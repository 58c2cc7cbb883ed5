// The cases of the Ingress conformance suite (kubernetes-sigs/ingress-controller-conformance, features/*.feature) as rows: objects, requests and who answers them.

import { parseAllDocuments } from 'yaml';

export interface IngressRow {
  readonly name: string;
  readonly yaml: string;
  /** The Service that answers, or the status. */
  readonly requests: readonly (readonly [host: string, path: string, who: string])[];
}

export const CONFORMANCE_CLASSES = `
kind: IngressClass
apiVersion: networking.k8s.io/v1
metadata: { name: fairlead }
spec: { controller: fairlead.dev/ingress-controller }
---
kind: IngressClass
apiVersion: networking.k8s.io/v1
metadata: { name: other }
spec: { controller: example.com/other }
`;

function ingress(name: string, spec: string, className = 'fairlead'): string {
  return `
kind: Ingress
apiVersion: networking.k8s.io/v1
metadata: { namespace: default, name: ${name} }
spec:
  ingressClassName: ${className}
${spec}`;
}

function path(type: string, value: string, service: string, port = 'number: 8080'): string {
  return `          - { path: ${value}, pathType: ${type}, backend: { service: { name: ${service}, port: { ${port} } } } }`;
}

const HOST_RULES = ingress(
  'host-rules',
  `  tls: [{ hosts: [foo.bar.com], secretName: conformance-tls }]
  rules:
    - host: "*.foo.com"
      http:
        paths:
${path('Prefix', '/', 'wildcard-foo-com')}
    - host: foo.bar.com
      http:
        paths:
${path('Prefix', '/', 'foo-bar-com', 'name: http')}
`,
);

const PATH_RULES = ingress(
  'path-rules',
  `  rules:
    - host: exact-path-rules
      http:
        paths:
${path('Exact', '/foo', 'foo-exact')}
    - host: prefix-path-rules
      http:
        paths:
${path('Prefix', '/foo', 'foo-prefix')}
${path('Prefix', '/aaa/bbb', 'aaa-slash-bbb-prefix')}
${path('Prefix', '/aaa', 'aaa-prefix')}
    - host: mixed-path-rules
      http:
        paths:
${path('Prefix', '/foo', 'foo-prefix')}
${path('Exact', '/foo', 'foo-exact')}
    - host: trailing-slash-path-rules
      http:
        paths:
${path('Prefix', '/aaa/bbb/', 'aaa-slash-bbb-slash-prefix')}
${path('Exact', '/foo/', 'foo-slash-exact')}
`,
);

const DEFAULT_BACKEND = ingress(
  'default-backend',
  '  defaultBackend: { service: { name: echo-service, port: { number: 8080 } } }\n',
);

export const CONFORMANCE_ROWS: readonly IngressRow[] = [
  {
    name: 'default backend',
    yaml: DEFAULT_BACKEND,
    requests: [
      ['my-host', '/', 'echo-service'],
      ['my-host', '/any/path', 'echo-service'],
      ['', '/', 'echo-service'],
      ['', '/sub/path', 'echo-service'],
      ['other', '/a?b', 'echo-service'],
    ],
  },
  {
    name: 'host rules',
    yaml: HOST_RULES,
    requests: [
      ['foo.bar.com', '/', 'foo-bar-com'],
      ['subdomain.bar.com', '/', '404'],
      ['bar.foo.com', '/', 'wildcard-foo-com'],
      ['baz.bar.foo.com', '/', '404'],
      ['foo.com', '/', '404'],
    ],
  },
  {
    name: 'path rules',
    yaml: PATH_RULES,
    requests: [
      ['exact-path-rules', '/foo', 'foo-exact'],
      ['exact-path-rules', '/foo/', '404'],
      ['exact-path-rules', '/FOO', '404'],
      ['exact-path-rules', '/bar', '404'],
      ['prefix-path-rules', '/foo', 'foo-prefix'],
      ['prefix-path-rules', '/foo/', 'foo-prefix'],
      ['prefix-path-rules', '/FOO', '404'],
      ['prefix-path-rules', '/aaa/bbb', 'aaa-slash-bbb-prefix'],
      ['prefix-path-rules', '/aaa/bbb/ccc', 'aaa-slash-bbb-prefix'],
      ['prefix-path-rules', '/aaa', 'aaa-prefix'],
      ['prefix-path-rules', '/aaa/ccc', 'aaa-prefix'],
      ['prefix-path-rules', '/aaaccc', '404'],
      ['mixed-path-rules', '/foo', 'foo-exact'],
      ['trailing-slash-path-rules', '/aaa/bbb', 'aaa-slash-bbb-slash-prefix'],
      ['trailing-slash-path-rules', '/aaa/bbb/', 'aaa-slash-bbb-slash-prefix'],
      ['trailing-slash-path-rules', '/foo', '404'],
    ],
  },
  {
    name: 'a class of somebody else',
    yaml: ingress(
      'ingress-class',
      '  defaultBackend: { service: { name: echo-service, port: { number: 8080 } } }\n',
      'other',
    ),
    requests: [['my-host', '/', '404']],
  },
];

interface Named {
  readonly spec?: unknown;
}

/** Every Service that the Ingresses name, with port 8080 "http", except those whose name begins with "missing". */
export function echoServices(yaml: string): string {
  const names = new Set<string>();
  for (const document of parseAllDocuments(yaml)) {
    const { spec } = (document.toJS() ?? {}) as Named;
    for (const [, name = ''] of JSON.stringify(spec ?? {}).matchAll(/"service":\{"name":"([a-z-]+)"/g))
      if (!name.startsWith('missing')) names.add(name);
  }
  return [...names]
    .map(
      (name, index) => `
kind: Service
apiVersion: v1
metadata: { namespace: default, name: ${name} }
spec:
  clusterIP: 10.96.7.${index + 1}
  clusterIPs: [10.96.7.${index + 1}]
  ports: [{ name: http, port: 8080, protocol: TCP, targetPort: 3000 }]
`,
    )
    .join('---');
}
