// Objects, lists and events of watches as protobuf, for clients that ask for it (client-go's typed ones).

import { objectOf } from '../../objects/json.ts';
import { apiVersionOf, type Resource } from '../../objects/resources.ts';
import { encodeList, encodeMessage, writeEnvelope } from '../../wire/kubernetes-protobuf-writer.ts';
import { KUBERNETES_PROTOBUF } from '../../wire/kubernetes-protobuf.ts';
import type { StoredObject } from '../store/stored-object.ts';
import type { WholeReply } from '../http/request.ts';
import { servedObject } from './serve.ts';

/** Encoded once for all who ask, as long as the object is kept; by the resource that it is served as. */
const ENCODED = new WeakMap<StoredObject, Map<string, Buffer>>();

/** The message of a stored object. */
function messageOf(resource: Resource, stored: StoredObject): Buffer {
  let forms = ENCODED.get(stored);
  if (forms === undefined) {
    forms = new Map();
    ENCODED.set(stored, forms);
  }
  let bytes = forms.get(resource.message);
  if (bytes === undefined) {
    bytes = encodeMessage(resource.message, objectOf(servedObject(resource, stored)));
    forms.set(resource.message, bytes);
  }
  return bytes;
}

/** The object in its envelope. */
export function protobufObject(resource: Resource, stored: StoredObject): Buffer {
  return writeEnvelope(
    { apiVersion: apiVersionOf(resource), kind: resource.kind },
    messageOf(resource, stored),
  );
}

/** An object with nothing but metadata: how far a watch has come. */
export function protobufBookmark(resource: Resource, metadata: object): Buffer {
  const message = encodeMessage(resource.message, { metadata });
  return writeEnvelope({ apiVersion: apiVersionOf(resource), kind: resource.kind }, message);
}

/** A Status as an object. */
export function protobufStatus(status: object): Buffer {
  return writeEnvelope({ apiVersion: 'v1', kind: 'Status' }, encodeMessage('meta.Status', { ...status }));
}

export function protobufReply(code: number, body: Buffer, headers?: WholeReply['headers']): WholeReply {
  const reply = { kind: 'whole', code, contentType: KUBERNETES_PROTOBUF, body } as const;
  return headers === undefined ? reply : { ...reply, headers };
}

export function protobufListReply(
  resource: Resource,
  metadata: Readonly<Record<string, unknown>>,
  items: readonly StoredObject[],
): WholeReply {
  const list = encodeList(
    metadata,
    items.map((stored) => messageOf(resource, stored)),
  );
  return protobufReply(
    200,
    writeEnvelope({ apiVersion: apiVersionOf(resource), kind: `${resource.kind}List` }, list),
  );
}
