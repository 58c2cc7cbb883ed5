// The form of an answer that the Accept header asks for: plain objects, tables (kubectl get) or metadata alone.

export type AnswerForm =
  | { readonly kind: 'plain' }
  /** meta.k8s.io Table of this version. */
  | { readonly kind: 'table'; readonly version: string }
  | { readonly kind: 'metadata'; readonly version: string };

/** The first form of the header that is served; JSON where nothing is said. Protobuf is never chosen: every client takes JSON too. */
export function answerForm(accept: string | undefined): AnswerForm {
  for (const part of (accept ?? '').split(',')) {
    const [type = '', ...parameters] = part.split(';').map((text) => text.trim());
    if (type !== 'application/json') continue;
    const values = new Map(parameters.map((text) => text.split('=', 2) as [string, string]));
    const version = values.get('v') ?? 'v1';
    if (values.get('as') === 'Table') return { kind: 'table', version };
    if ((values.get('as') ?? '').startsWith('PartialObjectMetadata')) return { kind: 'metadata', version };
    if (!values.has('as')) return { kind: 'plain' };
  }
  return { kind: 'plain' };
}
