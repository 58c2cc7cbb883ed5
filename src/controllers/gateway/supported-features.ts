// The features of Gateway API that we claim (gateway-api pkg/features), each shown by a test: the table in docs/gateway.md.

export const SUPPORTED_FEATURES: readonly { readonly name: string }[] = [
  'Gateway',
  'HTTPRoute',
  'ReferenceGrant',
].map((name) => ({ name }));
