// Answers to /openapi paths: v3 by group and version, and v2 for clients up to kubectl 1.26.

import type { Kinds } from '../custom/kinds.ts';
import { jsonReply, type ApiRequest, type WholeReply } from '../http/request.ts';
import { allDocuments, documentAt, documentIndex, editionOf } from './documents.ts';
import { swaggerBytes, swaggerOf } from './swagger.ts';

/** With dots: Go's parser of media types refuses the "@" that the client itself asks with. */
const V2_TYPE = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf';

/** Undefined where the path is none of these. */
export function openApiReply(
  { path, headers }: ApiRequest,
  kinds: Kinds,
): Promise<WholeReply> | WholeReply | undefined {
  if (path === '/openapi/v2') return swaggerReply(kinds, (headers.accept ?? '').includes('protobuf'));
  if (path === '/openapi/v3') return jsonReply(200, documentIndex(kinds));
  if (!path.startsWith('/openapi/v3/')) return undefined;
  return documentAt(kinds, path.slice('/openapi/v3/'.length))?.then((document) => jsonReply(200, document));
}

/** Of each server, made when it is asked for: a megabyte that few clients need. */
const MADE = new WeakMap<Kinds, { readonly edition: string; readonly bytes: Promise<Buffer> }>();

async function swaggerReply(kinds: Kinds, isProtobuf: boolean): Promise<WholeReply> {
  if (!isProtobuf) return jsonReply(200, swaggerOf(await allDocuments(kinds)));
  const edition = editionOf(kinds);
  let made = MADE.get(kinds);
  if (made?.edition !== edition) {
    made = { edition, bytes: allDocuments(kinds).then((all) => swaggerBytes(swaggerOf(all))) };
    MADE.set(kinds, made);
  }
  return { kind: 'whole', code: 200, contentType: V2_TYPE, body: await made.bytes };
}
