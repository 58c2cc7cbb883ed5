// Facts of the Kubernetes API's wire format: networking, discovery, coordination, events, storage.
// One line per message, "field=number type"; the notation is explained in kubernetes-protobuf-schema.ts.

export const NETWORKING_FIELDS = `
HTTPIngressPath: path=1 s, backend=2 IngressBackend, pathType=3 s
HTTPIngressRuleValue: paths=1 []HTTPIngressPath
IPBlock: cidr=1 s, except=2 []s
Ingress: metadata=1 meta.ObjectMeta, spec=2 IngressSpec, status=3 IngressStatus
IngressBackend: resource=3 core.TypedLocalObjectReference, service=4 IngressServiceBackend
IngressClass: metadata=1 meta.ObjectMeta, spec=2 IngressClassSpec
IngressClassParametersReference: apiGroup=1 s, kind=2 s, name=3 s, scope=4 s, namespace=5 s
IngressClassSpec: controller=1 s, parameters=2 IngressClassParametersReference
IngressLoadBalancerIngress: ip=1 s, hostname=2 s, ports=4 []IngressPortStatus
IngressLoadBalancerStatus: ingress=1 []IngressLoadBalancerIngress
IngressPortStatus: port=1 i, protocol=2 s, error=3 s
IngressRule: host=1 s, ingressRuleValue=2 &IngressRuleValue
IngressRuleValue: http=1 HTTPIngressRuleValue
IngressServiceBackend: name=1 s, port=2 ServiceBackendPort
IngressSpec: defaultBackend=1 IngressBackend, tls=2 []IngressTLS, rules=3 []IngressRule,
   ingressClassName=4 s?
IngressStatus: loadBalancer=1 IngressLoadBalancerStatus
IngressTLS: hosts=1 []s, secretName=2 s
NetworkPolicy: metadata=1 meta.ObjectMeta, spec=2 NetworkPolicySpec
NetworkPolicyEgressRule: ports=1 []NetworkPolicyPort, to=2 []NetworkPolicyPeer
NetworkPolicyIngressRule: ports=1 []NetworkPolicyPort, from=2 []NetworkPolicyPeer
NetworkPolicyPeer: podSelector=1 meta.LabelSelector, namespaceSelector=2 meta.LabelSelector,
   ipBlock=3 IPBlock
NetworkPolicyPort: protocol=1 s, port=2 intorstring, endPort=3 i?
NetworkPolicySpec: podSelector=1 meta.LabelSelector, ingress=2 []NetworkPolicyIngressRule,
   egress=3 []NetworkPolicyEgressRule, policyTypes=4 []s
ServiceBackendPort: name=1 s, number=2 i
`;

export const DISCOVERY_FIELDS = `
Endpoint: addresses=1 []s, conditions=2 EndpointConditions, hostname=3 s, targetRef=4 core.ObjectReference,
   deprecatedTopology=5 {}s, nodeName=6 s, zone=7 s, hints=8 EndpointHints
EndpointConditions: ready=1 b?, serving=2 b?, terminating=3 b?
EndpointHints: forZones=1 []ForZone, forNodes=2 []ForNode
EndpointPort: name=1 s, protocol=2 s, port=3 i?, appProtocol=4 s
EndpointSlice: metadata=1 meta.ObjectMeta, endpoints=2 []Endpoint, ports=3 []EndpointPort, addressType=4 s
ForNode: name=1 s
ForZone: name=1 s
`;

export const COORDINATION_FIELDS = `
Lease: metadata=1 meta.ObjectMeta, spec=2 LeaseSpec
LeaseSpec: holderIdentity=1 s, leaseDurationSeconds=2 i?, acquireTime=3 microtime, renewTime=4 microtime,
   leaseTransitions=5 i?, strategy=6 s, preferredHolder=7 s
`;

export const EVENTS_FIELDS = `
Event: metadata=1 meta.ObjectMeta, eventTime=2 microtime, series=3 EventSeries, reportingController=4 s,
   reportingInstance=5 s, action=6 s, reason=7 s, regarding=8 core.ObjectReference,
   related=9 core.ObjectReference, note=10 s, type=11 s, deprecatedSource=12 core.EventSource,
   deprecatedFirstTimestamp=13 time, deprecatedLastTimestamp=14 time, deprecatedCount=15 i
EventSeries: count=1 i, lastObservedTime=2 microtime
`;

export const STORAGE_FIELDS = `
StorageClass: metadata=1 meta.ObjectMeta, provisioner=2 s, parameters=3 {}s, reclaimPolicy=4 s,
   mountOptions=5 []s, allowVolumeExpansion=6 b, volumeBindingMode=7 s,
   allowedTopologies=8 []core.TopologySelectorTerm
`;
