// Where an API server is and how to prove who we are: the result of every form of configuration. Knows no request.

/** What a connection needs; read anew for every request, because tokens and certificates are renewed on disk. */
export interface Credentials {
  /** Value of the Authorization header. */
  readonly authorization?: string | undefined;
  /** Client certificate and key in PEM. */
  readonly certificate?: string | undefined;
  readonly key?: string | undefined;
}

export interface ClusterAccess {
  /** http or https; a path prefix is kept. */
  readonly server: URL;
  /** Certificates in PEM that may sign the server's; undefined for the system's. */
  readonly authorities?: string | undefined;
  /** Name to expect in the server's certificate where it differs from the URL's host. */
  readonly serverName?: string | undefined;
  readonly isInsecure: boolean;
  /** Namespace of the context, "default" where none is set. */
  readonly namespace: string;
  credentials(): Promise<Credentials>;
}
