// Fields of ClusterNetworkPolicy (policy.networking.k8s.io/v1alpha2, sigs.k8s.io/network-policy-api, its experimental channel), in the notation of
// kubernetes-protobuf-schema.ts. A custom resource elsewhere, it is sent as JSON alone: the numbers are formal.

export const NETWORK_POLICY_API_FIELDS = `
ClusterNetworkPolicy: metadata=1 meta.ObjectMeta, spec=2 ClusterNetworkPolicySpec, status=3 ClusterNetworkPolicyStatus
ClusterNetworkPolicyEgressPeer: namespaces=1 meta.LabelSelector, pods=2 NamespacedPod, nodes=3 meta.LabelSelector,
   networks=4 []s, domainNames=5 []s
ClusterNetworkPolicyEgressRule: name=1 s, action=2 s, to=3 []ClusterNetworkPolicyEgressPeer,
   protocols=4 []ClusterNetworkPolicyProtocol
ClusterNetworkPolicyIngressPeer: namespaces=1 meta.LabelSelector, pods=2 NamespacedPod
ClusterNetworkPolicyIngressRule: name=1 s, action=2 s, from=3 []ClusterNetworkPolicyIngressPeer,
   protocols=4 []ClusterNetworkPolicyProtocol
ClusterNetworkPolicyProtocol: tcp=1 ProtocolPorts, udp=2 ProtocolPorts, sctp=3 ProtocolPorts, destinationNamedPort=4 s
ClusterNetworkPolicySpec: tier=1 s, priority=2 i?, subject=3 ClusterNetworkPolicySubject,
   ingress=4 []ClusterNetworkPolicyIngressRule, egress=5 []ClusterNetworkPolicyEgressRule
ClusterNetworkPolicyStatus: conditions=1 []meta.Condition@type
ClusterNetworkPolicySubject: namespaces=1 meta.LabelSelector, pods=2 NamespacedPod
NamespacedPod: namespaceSelector=1 meta.LabelSelector, podSelector=2 meta.LabelSelector
PolicyPort: number=1 i, range=2 PolicyPortRange
PolicyPortRange: start=1 i, end=2 i
ProtocolPorts: destinationPort=1 PolicyPort
`;
