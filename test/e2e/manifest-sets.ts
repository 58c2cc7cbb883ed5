// Sets of manifests as tools make them: a base with an overlay for kustomize, and what `helm template` prints of a chart.

import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** Fields that every kustomize of kubectl has known: 2.0 of 1.20 to 5 of the newest, which warns of some. */
const KUSTOMIZE: Readonly<Record<string, string>> = {
  'base/kustomization.yaml': `
resources: [web.yaml, service.yaml]
configMapGenerator:
- name: settings
  literals: [color=blue]
`,
  'base/web.yaml': `
apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  replicas: 1
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      containers:
        - { name: server, image: 'nginx:1.20', envFrom: [{ configMapRef: { name: settings } }] }
`,
  'base/service.yaml': `
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { selector: { app: web }, ports: [{ port: 80, targetPort: 8080 }] }
`,
  'overlay/kustomization.yaml': `
bases: [../base]
namePrefix: prod-
commonLabels: { tier: front }
commonAnnotations: { note: made }
images: [{ name: nginx, newTag: '1.25' }]
patchesStrategicMerge: [more.yaml]
patchesJson6902:
- target: { version: v1, kind: Service, name: web }
  path: port.yaml
configMapGenerator:
- name: settings
  behavior: merge
  literals: [size=large]
`,
  'overlay/more.yaml': `
apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  replicas: 3
  template: { spec: { containers: [{ name: server, resources: { limits: { memory: 64Mi } } }] } }
`,
  'overlay/port.yaml': `
- { op: replace, path: /spec/ports/0/port, value: 8080 }
`,
};

/** Writes base and overlay below `into`; the overlay's folder. */
export function writeKustomization(into: string): string {
  for (const [name, text] of Object.entries(KUSTOMIZE)) {
    const file = path.join(into, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  return path.join(into, 'overlay');
}

const LABELS = `
    helm.sh/chart: shop-1.2.3
    app.kubernetes.io/name: shop
    app.kubernetes.io/instance: RELEASE
    app.kubernetes.io/version: "1.25"
    app.kubernetes.io/managed-by: Helm`;

/** A chart's folder `crds`, which tools apply before the rest. */
export const CHART_DEFINITIONS = `
---
# Source: shop/crds/coupons.yaml
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: coupons.RELEASE.example.com
spec:
  group: RELEASE.example.com
  names: { kind: Coupon, plural: coupons }
  scope: Namespaced
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec: { type: object, properties: { percent: { type: integer, minimum: 1 } } }
`;

/** What charts usually have; RELEASE stands for the name of the release. */
export const CHART = `
---
# Source: shop/templates/networkpolicy.yaml
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: RELEASE-shop
  labels:${LABELS}
spec:
  podSelector:
    matchLabels:
      app.kubernetes.io/name: shop
  policyTypes:
    - Ingress
  ingress:
    - ports:
        - port: http
---
# Source: shop/templates/poddisruptionbudget.yaml
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: RELEASE-shop
  labels:${LABELS}
spec:
  maxUnavailable: 1
  selector:
    matchLabels:
      app.kubernetes.io/name: shop
---
# Source: shop/templates/priorityclass.yaml
apiVersion: scheduling.k8s.io/v1
kind: PriorityClass
metadata:
  name: RELEASE-shop
value: 1000
globalDefault: false
description: "Goes first"
---
# Source: shop/templates/serviceaccount.yaml
apiVersion: v1
kind: ServiceAccount
metadata:
  name: RELEASE-shop
  labels:${LABELS}
automountServiceAccountToken: true
---
# Source: shop/templates/secret.yaml
apiVersion: v1
kind: Secret
metadata:
  name: RELEASE-shop
  labels:${LABELS}
type: Opaque
data:
  password: "c2VjcmV0"
---
# Source: shop/templates/configmap.yaml
apiVersion: v1
kind: ConfigMap
metadata:
  name: RELEASE-shop
  labels:${LABELS}
data:
  replicas: "3"
  enabled: "true"
  shop.conf: |-
    listen 8080;

    mode fast;
---
# Source: shop/templates/pvc.yaml
kind: PersistentVolumeClaim
apiVersion: v1
metadata:
  name: RELEASE-shop
  annotations:
    helm.sh/resource-policy: keep
spec:
  accessModes:
    - "ReadWriteOnce"
  resources:
    requests:
      storage: "8Gi"
---
# Source: shop/templates/clusterrole.yaml
kind: ClusterRole
apiVersion: rbac.authorization.k8s.io/v1
metadata:
  name: RELEASE-shop
rules:
  - apiGroups: [""]
    resources: ["nodes"]
    verbs: ["get"]
---
# Source: shop/templates/clusterrolebinding.yaml
kind: ClusterRoleBinding
apiVersion: rbac.authorization.k8s.io/v1
metadata:
  name: RELEASE-shop
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: RELEASE-shop
subjects:
  - kind: ServiceAccount
    name: RELEASE-shop
    namespace: RELEASE
---
# Source: shop/templates/optional.yaml
---
# Source: shop/templates/roles.yaml
apiVersion: v1
kind: List
items:
  - apiVersion: rbac.authorization.k8s.io/v1
    kind: Role
    metadata: { name: RELEASE-shop }
    rules: [{ apiGroups: [''], resources: [configmaps], verbs: [get, list, watch] }]
  - apiVersion: rbac.authorization.k8s.io/v1
    kind: RoleBinding
    metadata: { name: RELEASE-shop }
    roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: RELEASE-shop }
    subjects: [{ kind: ServiceAccount, name: RELEASE-shop }]
---
# Source: shop/templates/service.yaml
apiVersion: v1
kind: Service
metadata:
  name: RELEASE-shop
  labels:${LABELS}
  annotations:
    prometheus.io/port: "8080"
    prometheus.io/scrape: "true"
spec:
  type: ClusterIP
  ports:
    - port: 80
      targetPort: http
      protocol: TCP
      name: http
      nodePort: null
  selector:
    app.kubernetes.io/name: shop
---
# Source: shop/templates/deployment.yaml
apiVersion: apps/v1
kind: Deployment
metadata:
  name: RELEASE-shop
  labels:${LABELS}
spec:
  replicas: 2
  strategy:
    type: RollingUpdate
    rollingUpdate:
      maxSurge: 25%
      maxUnavailable: 0
  selector:
    matchLabels:
      app.kubernetes.io/name: shop
  template:
    metadata:
      annotations:
        checksum/config: 44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a
      labels:
        app.kubernetes.io/name: shop
    spec:
      serviceAccountName: RELEASE-shop
      priorityClassName: RELEASE-shop
      securityContext:
        fsGroup: 1001
      containers:
        - name: shop
          image: "nginx:1.25"
          imagePullPolicy: IfNotPresent
          env:
            - name: WORKERS
              value: "4"
            - name: PASSWORD
              valueFrom:
                secretKeyRef:
                  name: RELEASE-shop
                  key: password
          ports:
            - name: http
              containerPort: 8080
              protocol: TCP
          livenessProbe:
            httpGet:
              path: /
              port: http
          resources:
            limits:
              cpu: 100m
              memory: 128Mi
            requests:
              cpu: 0.1
              memory: 128Mi
          volumeMounts:
            - name: config
              mountPath: /etc/shop
              readOnly: true
      volumes:
        - name: config
          configMap:
            name: RELEASE-shop
            defaultMode: 0440
      nodeSelector: {}
      tolerations: []
---
# Source: shop/templates/ingress.yaml
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: RELEASE-shop
spec:
  rules:
    - host: "RELEASE.example.com"
      http:
        paths:
          - path: /
            pathType: ImplementationSpecific
            backend:
              service:
                name: RELEASE-shop
                port:
                  name: http
---
# Source: shop/templates/coupon.yaml
apiVersion: RELEASE.example.com/v1
kind: Coupon
metadata:
  name: welcome
spec:
  percent: 10
---
# Source: shop/templates/tests/test-connection.yaml
apiVersion: v1
kind: Pod
metadata:
  name: "RELEASE-shop-test"
  annotations:
    "helm.sh/hook": test
    "helm.sh/hook-weight": "-5"
    "helm.sh/hook-delete-policy": before-hook-creation,hook-succeeded
spec:
  containers:
    - name: wget
      image: busybox
      command: ['wget']
      args: ['RELEASE-shop:80']
  restartPolicy: Never
`;

/** What charts have as well, and this server does not. */
export const CHART_UNSERVED = `
---
# Source: shop/templates/hpa.yaml
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: RELEASE-shop
spec:
  scaleTargetRef: { apiVersion: apps/v1, kind: Deployment, name: RELEASE-shop }
  minReplicas: 1
  maxReplicas: 3
  metrics: [{ type: Resource, resource: { name: cpu, target: { type: Utilization, averageUtilization: 80 } } }]
---
# Source: shop/templates/webhook.yaml
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata:
  name: RELEASE-shop
webhooks: []
---
# Source: shop/templates/after.yaml
apiVersion: v1
kind: ConfigMap
metadata:
  name: RELEASE-after
`;
