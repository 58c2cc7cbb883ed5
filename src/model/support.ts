// Three answers to "can this kernel, machine or set-up do it".

/** `because` reads on after a colon; `unknown` is said when the probe itself failed, never instead of a no. */
export type Support =
  | { readonly kind: 'yes' }
  | { readonly kind: 'no'; readonly because: string }
  | { readonly kind: 'unknown'; readonly because: string };
