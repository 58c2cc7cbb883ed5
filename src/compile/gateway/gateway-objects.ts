// The input of a Gateway's compile: the slim objects at one moment, by "namespace/name", classes and namespaces by name.

import type { BackendTlsPolicy } from '../../objects/gateway-api/backend-tls-policy.ts';
import type { Gateway, GatewayClass, ListenerSet } from '../../objects/gateway-api/gateway.ts';
import type { GrpcRoute } from '../../objects/gateway-api/grpc-route.ts';
import type { HttpRoute } from '../../objects/gateway-api/http-route.ts';
import type { ReferenceGrant } from '../../objects/gateway-api/reference-grant.ts';
import type { StreamRoute } from '../../objects/gateway-api/stream-route.ts';
import type { AuthorityConfigMap, CertificateSecret } from '../../objects/certificates.ts';
import type { EndpointSlice } from '../../objects/endpoint-slice.ts';
import type { Namespace } from '../../objects/namespace.ts';
import type { Service } from '../../objects/service.ts';

/** An object is never changed in place: the same reference means the same content, which is what memoised steps go by. */
export interface GatewayObjects {
  readonly gatewayClasses: ReadonlyMap<string, GatewayClass>;
  readonly gateways: ReadonlyMap<string, Gateway>;
  readonly listenerSets: ReadonlyMap<string, ListenerSet>;
  readonly httpRoutes: ReadonlyMap<string, HttpRoute>;
  readonly grpcRoutes: ReadonlyMap<string, GrpcRoute>;
  readonly tlsRoutes: ReadonlyMap<string, StreamRoute>;
  readonly tcpRoutes: ReadonlyMap<string, StreamRoute>;
  readonly udpRoutes: ReadonlyMap<string, StreamRoute>;
  readonly referenceGrants: ReadonlyMap<string, ReferenceGrant>;
  readonly backendTlsPolicies: ReadonlyMap<string, BackendTlsPolicy>;
  readonly namespaces: ReadonlyMap<string, Namespace>;
  readonly services: ReadonlyMap<string, Service>;
  readonly endpointSlices: ReadonlyMap<string, EndpointSlice>;
  readonly secrets: ReadonlyMap<string, CertificateSecret>;
  readonly configMaps: ReadonlyMap<string, AuthorityConfigMap>;
}
