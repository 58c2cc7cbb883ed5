// The manifests that every kubectl brings to the cluster of kubectl-cluster.test.ts, as files in a folder.

import { mkdirSync, writeFileSync } from 'node:fs';

/** A server with a second container beside it, and its Service. */
export const WEB = `
apiVersion: apps/v1
kind: Deployment
metadata: { name: web, labels: { app: web } }
spec:
  replicas: 2
  revisionHistoryLimit: 5
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - name: server
          image: agnhost:2.53
          args: [netexec]
          ports: [{ containerPort: 8080, name: http }]
        - { name: side, image: 'agnhost:2.53', args: [logs-generator, --log-lines-total=5, --run-duration=1h] }
---
apiVersion: v1
kind: Service
metadata: { name: web, labels: { app: web } }
spec:
  selector: { app: web }
  ports: [{ port: 80, targetPort: http }]
`;

/** A real process, one that ends again and again, and one that never gets ready. */
const PODS = `
apiVersion: v1
kind: Pod
metadata: { name: shell, labels: { app: shell }, annotations: { fairlead.dev/host-programs: 'true' } }
spec:
  terminationGracePeriodSeconds: 1
  containers:
    - { name: main, image: busybox, command: [sh, -c, 'for i in 1 2 3; do echo line $i; done; exec sleep 600'] }
    - { name: other, image: busybox, command: [sh, -c, 'echo other; exec sleep 600'] }
---
apiVersion: v1
kind: Pod
metadata: { name: crash, annotations: { fairlead.dev/host-programs: 'true' } }
spec:
  terminationGracePeriodSeconds: 1
  containers:
    - { name: main, image: busybox, command: [sh, -c, 'echo one life; exit 3'] }
---
apiVersion: v1
kind: Pod
metadata: { name: nowhere }
spec:
  nodeSelector: { no: where }
  containers: [{ name: main, image: busybox }]
`;

const config = (name: string): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${name}, labels: { from: folder } }\ndata: { key: value }\n`;

export interface ManifestFiles {
  readonly web: string;
  readonly pods: string;
  readonly folder: string;
}

export function writeManifests(into: string): ManifestFiles {
  const folder = `${into}/configs`;
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${folder}/a.yaml`, config('from-a'));
  writeFileSync(
    `${folder}/b.json`,
    JSON.stringify({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'from-b' } }),
  );
  writeFileSync(`${into}/web.yaml`, WEB);
  writeFileSync(`${into}/pods.yaml`, PODS);
  return { web: `${into}/web.yaml`, pods: `${into}/pods.yaml`, folder };
}
