// Fields of the kinds of gateway.networking.k8s.io (Gateway API 1.6, its experimental channel), in the notation of kubernetes-protobuf-schema.ts.
// Custom resources elsewhere, they are sent as JSON alone: the numbers are formal. Their versions differ in nothing that is served here.

const ROUTES = `
HTTPRoute: metadata=1 meta.ObjectMeta, spec=2 HTTPRouteSpec, status=3 RouteStatus
HTTPRouteSpec: parentRefs=1 []ParentReference, useDefaultGateways=2 s, hostnames=3 []s, rules=4 []HTTPRouteRule
HTTPRouteRule: name=1 s, matches=2 []HTTPRouteMatch, filters=3 []HTTPRouteFilter, backendRefs=4 []HTTPBackendRef,
   timeouts=5 HTTPRouteTimeouts, retry=6 HTTPRouteRetry, sessionPersistence=7 SessionPersistence
HTTPRouteMatch: path=1 HTTPPathMatch, headers=2 []NamedMatch, queryParams=3 []NamedMatch, method=4 s
HTTPPathMatch: type=1 s, value=2 s
NamedMatch: type=1 s, name=2 s, value=3 s
HTTPRouteTimeouts: request=1 s, backendRequest=2 s
HTTPRouteRetry: codes=1 []i, attempts=2 i?, backoff=3 s
HTTPBackendRef: group=1 s, kind=2 s, name=3 s, namespace=4 s, port=5 i?, weight=6 i?, filters=7 []HTTPRouteFilter
SessionPersistence: sessionName=1 s, absoluteTimeout=2 s, type=3 s, cookieConfig=4 CookieConfig
CookieConfig: lifetimeType=1 s
GRPCRoute: metadata=1 meta.ObjectMeta, spec=2 GRPCRouteSpec, status=3 RouteStatus
GRPCRouteSpec: parentRefs=1 []ParentReference, useDefaultGateways=2 s, hostnames=3 []s, rules=4 []GRPCRouteRule
GRPCRouteRule: name=1 s, matches=2 []GRPCRouteMatch, filters=3 []GRPCRouteFilter, backendRefs=4 []GRPCBackendRef,
   sessionPersistence=5 SessionPersistence
GRPCRouteMatch: method=1 GRPCMethodMatch, headers=2 []NamedMatch
GRPCMethodMatch: type=1 s, service=2 s, method=3 s
GRPCBackendRef: group=1 s, kind=2 s, name=3 s, namespace=4 s, port=5 i?, weight=6 i?, filters=7 []GRPCRouteFilter
TLSRoute: metadata=1 meta.ObjectMeta, spec=2 TLSRouteSpec, status=3 RouteStatus
TLSRouteSpec: parentRefs=1 []ParentReference, useDefaultGateways=2 s, hostnames=3 []s, rules=4 []StreamRouteRule
TCPRoute: metadata=1 meta.ObjectMeta, spec=2 StreamRouteSpec, status=3 RouteStatus
UDPRoute: metadata=1 meta.ObjectMeta, spec=2 StreamRouteSpec, status=3 RouteStatus
StreamRouteSpec: parentRefs=1 []ParentReference, useDefaultGateways=2 s, rules=3 []StreamRouteRule
StreamRouteRule: name=1 s, backendRefs=2 []BackendRef
ParentReference: group=1 s, kind=2 s, namespace=3 s, name=4 s, sectionName=5 s, port=6 i?
BackendRef: group=1 s, kind=2 s, name=3 s, namespace=4 s, port=5 i?, weight=6 i?
RouteStatus: parents=1 []RouteParentStatus
RouteParentStatus: parentRef=1 ParentReference, controllerName=2 s, conditions=3 []meta.Condition@type
`;

const FILTERS = `
HTTPRouteFilter: type=1 s, requestHeaderModifier=2 HTTPHeaderFilter, responseHeaderModifier=3 HTTPHeaderFilter,
   requestMirror=4 HTTPRequestMirrorFilter, requestRedirect=5 HTTPRequestRedirectFilter, urlRewrite=6 HTTPURLRewriteFilter,
   cors=7 HTTPCORSFilter, externalAuth=8 HTTPExternalAuthFilter, extensionRef=9 LocalObjectReference
GRPCRouteFilter: type=1 s, requestHeaderModifier=2 HTTPHeaderFilter, responseHeaderModifier=3 HTTPHeaderFilter,
   requestMirror=4 HTTPRequestMirrorFilter, extensionRef=5 LocalObjectReference
HTTPHeaderFilter: set=1 []HTTPHeader, add=2 []HTTPHeader, remove=3 []s
HTTPHeader: name=1 s, value=2 s
HTTPRequestMirrorFilter: backendRef=1 BackendObjectReference, percent=2 i?, fraction=3 Fraction
Fraction: numerator=1 i, denominator=2 i?
HTTPRequestRedirectFilter: scheme=1 s, hostname=2 s, path=3 HTTPPathModifier, port=4 i?, statusCode=5 i?
HTTPURLRewriteFilter: hostname=1 s, path=2 HTTPPathModifier
HTTPPathModifier: type=1 s, replaceFullPath=2 s, replacePrefixMatch=3 s
HTTPCORSFilter: allowOrigins=1 []s, allowCredentials=2 b?, allowMethods=3 []s, allowHeaders=4 []s, exposeHeaders=5 []s,
   maxAge=6 i
HTTPExternalAuthFilter: protocol=1 s, backendRef=2 BackendObjectReference, grpc=3 GRPCAuthConfig, http=4 HTTPAuthConfig,
   forwardBody=5 ForwardBodyConfig
GRPCAuthConfig: allowedHeaders=1 []s
HTTPAuthConfig: path=1 s, allowedHeaders=2 []s, allowedResponseHeaders=3 []s
ForwardBodyConfig: maxSize=1 i
LocalObjectReference: group=1 s, kind=2 s, name=3 s
BackendObjectReference: group=1 s, kind=2 s, name=3 s, namespace=4 s, port=5 i?
`;

const GATEWAYS = `
GatewayClass: metadata=1 meta.ObjectMeta, spec=2 GatewayClassSpec, status=3 GatewayClassStatus
GatewayClassSpec: controllerName=1 s, parametersRef=2 ObjectReference, description=3 s
GatewayClassStatus: conditions=1 []meta.Condition@type, supportedFeatures=2 []SupportedFeature@name
SupportedFeature: name=1 s
Gateway: metadata=1 meta.ObjectMeta, spec=2 GatewaySpec, status=3 GatewayStatus
GatewaySpec: gatewayClassName=1 s, listeners=2 []Listener, addresses=3 []GatewayAddress,
   infrastructure=4 GatewayInfrastructure, allowedListeners=5 AllowedListeners, tls=6 GatewayTLSConfig, defaultScope=7 s
Listener: name=1 s, hostname=2 s, port=3 i, protocol=4 s, tls=5 ListenerTLSConfig, allowedRoutes=6 AllowedRoutes
ListenerTLSConfig: mode=1 s, certificateRefs=2 []ObjectReference, options=3 {}s
AllowedRoutes: namespaces=1 NamespaceChoice, kinds=2 []RouteGroupKind
NamespaceChoice: from=1 s, selector=2 meta.LabelSelector
RouteGroupKind: group=1 s, kind=2 s
GatewayAddress: type=1 s, value=2 s
GatewayInfrastructure: labels=1 {}s, annotations=2 {}s, parametersRef=3 LocalObjectReference
AllowedListeners: namespaces=1 NamespaceChoice
GatewayTLSConfig: backend=1 GatewayBackendTLS, frontend=2 FrontendTLSConfig
GatewayBackendTLS: clientCertificateRef=1 ObjectReference
FrontendTLSConfig: default=1 TLSConfig, perPort=2 []TLSPortConfig
TLSConfig: validation=1 FrontendTLSValidation
TLSPortConfig: port=1 i, tls=2 TLSConfig
FrontendTLSValidation: caCertificateRefs=1 []ObjectReference, mode=2 s
ObjectReference: group=1 s, kind=2 s, name=3 s, namespace=4 s
GatewayStatus: addresses=1 []GatewayAddress, conditions=2 []meta.Condition@type, listeners=3 []ListenerStatus@name,
   attachedListenerSets=4 i?
ListenerStatus: name=1 s, supportedKinds=2 []RouteGroupKind, attachedRoutes=3 i, conditions=4 []meta.Condition@type
ListenerSet: metadata=1 meta.ObjectMeta, spec=2 ListenerSetSpec, status=3 ListenerSetStatus
ListenerSetSpec: parentRef=1 ObjectReference, listeners=2 []Listener
ListenerSetStatus: conditions=1 []meta.Condition@type, listeners=2 []ListenerStatus@name
`;

const POLICIES = `
ReferenceGrant: metadata=1 meta.ObjectMeta, spec=2 ReferenceGrantSpec
ReferenceGrantSpec: from=1 []ReferenceGrantFrom, to=2 []LocalObjectReference
ReferenceGrantFrom: group=1 s, kind=2 s, namespace=3 s
BackendTLSPolicy: metadata=1 meta.ObjectMeta, spec=2 BackendTLSPolicySpec, status=3 PolicyStatus
BackendTLSPolicySpec: targetRefs=1 []PolicyTarget, validation=2 BackendTLSPolicyValidation, options=3 {}s
PolicyTarget: group=1 s, kind=2 s, name=3 s, sectionName=4 s
BackendTLSPolicyValidation: caCertificateRefs=1 []LocalObjectReference, wellKnownCACertificates=2 s, hostname=3 s,
   subjectAltNames=4 []SubjectAltName
SubjectAltName: type=1 s, hostname=2 s, uri=3 s
PolicyStatus: ancestors=1 []PolicyAncestorStatus
PolicyAncestorStatus: ancestorRef=1 ParentReference, controllerName=2 s, conditions=3 []meta.Condition@type
`;

export const GATEWAY_API_FIELDS = [ROUTES, FILTERS, GATEWAYS, POLICIES]
  .map((table) => table.trim())
  .join('\n');
