// Four endpoints on two nodes behind the example's Gateway, each of which says its name.

export const NEAR_ENDPOINTS = `
kind: HTTPRoute
apiVersion: gateway.networking.k8s.io/v1
metadata: { name: near, namespace: shop }
spec:
  parentRefs: [{ name: public, sectionName: https }]
  rules:
    - matches: [{ path: { type: Exact, value: /hostname } }]
      backendRefs: [{ name: near, port: 80 }]
---
kind: Service
apiVersion: v1
metadata: { name: near, namespace: shop }
spec:
  selector: { app: near }
  ports: [{ port: 80, targetPort: 8080 }]
---
kind: Deployment
apiVersion: apps/v1
metadata: { name: near, namespace: shop }
spec:
  replicas: 4
  selector: { matchLabels: { app: near } }
  template:
    metadata: { labels: { app: near } }
    spec:
      containers:
        - name: near
          image: registry.k8s.io/e2e-test-images/agnhost:2.53
          args: [netexec, --http-port=8080, --udp-port=-1]
`;
