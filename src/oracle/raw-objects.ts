// Kubernetes objects as the API writes them, as far as the oracle reads them. Its own shapes: a wrong default in `objects/` must not hide here.

/** core/v1 Service, the fields that decide where a packet to it goes. */
export interface RawService {
  readonly metadata: { readonly namespace: string; readonly name: string };
  readonly spec: {
    readonly type?: string;
    readonly clusterIP?: string;
    readonly clusterIPs?: readonly string[];
    readonly externalName?: string;
    readonly publishNotReadyAddresses?: boolean | null;
    readonly externalIPs?: readonly string[];
    readonly internalTrafficPolicy?: string;
    readonly externalTrafficPolicy?: string;
    readonly loadBalancerSourceRanges?: readonly string[];
    readonly healthCheckNodePort?: number;
    readonly ports?: readonly RawServicePort[];
  };
  readonly status?: {
    readonly loadBalancer?: {
      readonly ingress?: readonly {
        readonly ip?: string;
        readonly hostname?: string;
        readonly ipMode?: string;
      }[];
    };
  };
}

export interface RawServicePort {
  readonly name?: string;
  readonly port: number;
  readonly protocol?: string;
  readonly nodePort?: number;
}

/** discovery.k8s.io/v1 EndpointSlice. */
export interface RawEndpointSlice {
  readonly metadata: {
    readonly namespace: string;
    readonly name: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly addressType: string;
  readonly ports?: readonly {
    readonly name?: string | null;
    readonly port?: number | null;
    readonly protocol?: string | null;
  }[];
  readonly endpoints?: readonly {
    readonly addresses: readonly string[];
    readonly hostname?: string | null;
    readonly nodeName?: string;
    readonly conditions?: {
      readonly ready?: boolean | null;
      readonly serving?: boolean | null;
      readonly terminating?: boolean | null;
    };
    readonly hints?: {
      readonly forZones?: readonly { readonly name: string }[];
      readonly forNodes?: readonly { readonly name: string }[];
    };
  }[];
}

/** core/v1 Node. */
export interface RawNode {
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> };
  readonly status?: { readonly addresses?: readonly { readonly type: string; readonly address: string }[] };
}

/** core/v1 Pod, as far as ports of its node lead to it and policies speak of it. */
export interface RawPod {
  readonly metadata: {
    readonly namespace: string;
    readonly name: string;
    readonly labels?: Readonly<Record<string, string>> | null;
  };
  readonly spec: {
    readonly nodeName?: string;
    readonly hostNetwork?: boolean;
    readonly containers?: readonly { readonly ports?: readonly RawContainerPort[] }[];
    readonly initContainers?: readonly {
      readonly restartPolicy?: string;
      readonly ports?: readonly RawContainerPort[];
    }[];
  };
  readonly status?: { readonly phase?: string; readonly podIPs?: readonly { readonly ip: string }[] };
}

export interface RawContainerPort {
  readonly name?: string;
  readonly containerPort: number;
  readonly hostPort?: number;
  readonly hostIP?: string;
  readonly protocol?: string;
}

export interface RawServiceObjects {
  readonly services: readonly RawService[];
  readonly endpointSlices: readonly RawEndpointSlice[];
}

/** Everything that decides where a packet to a virtual address goes. */
export interface RawTrafficObjects extends RawServiceObjects {
  readonly nodes: readonly RawNode[];
  readonly pods: readonly RawPod[];
}
