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
    readonly ports?: readonly {
      readonly name?: string;
      readonly port: number;
      readonly protocol?: string;
    }[];
  };
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
  }[];
}

export interface RawServiceObjects {
  readonly services: readonly RawService[];
  readonly endpointSlices: readonly RawEndpointSlice[];
}
