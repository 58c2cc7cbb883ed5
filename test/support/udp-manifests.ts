// A Gateway with a UDP listener, and an echo behind it that lets in the Gateway's pod alone.

export const UDP_GATEWAY = `
kind: Gateway
apiVersion: gateway.networking.k8s.io/v1
metadata: { name: events }
spec:
  gatewayClassName: fairlead
  listeners:
    - { name: events, port: 5000, protocol: UDP }
---
kind: UDPRoute
apiVersion: gateway.networking.k8s.io/v1
metadata: { name: events }
spec:
  parentRefs: [{ name: events }]
  rules:
    - backendRefs: [{ name: echo, port: 8081 }]
---
kind: Service
apiVersion: v1
metadata: { name: echo }
spec:
  ipFamilyPolicy: PreferDualStack
  selector: { app: echo }
  ports: [{ port: 8081, protocol: UDP }]
---
kind: Deployment
apiVersion: apps/v1
metadata: { name: echo }
spec:
  replicas: 2
  selector: { matchLabels: { app: echo } }
  template:
    metadata: { labels: { app: echo } }
    spec:
      containers:
        - name: echo
          image: registry.k8s.io/e2e-test-images/agnhost:2.53
          args: [netexec, --http-port=8080, --udp-port=8081]
---
kind: NetworkPolicy
apiVersion: networking.k8s.io/v1
metadata: { name: echo }
spec:
  podSelector: { matchLabels: { app: echo } }
  ingress:
    - from: [{ podSelector: { matchLabels: { gateway.networking.k8s.io/gateway-name: events } } }]
`;
