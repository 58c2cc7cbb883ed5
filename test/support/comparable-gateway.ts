// What a compiler made of a Gateway, so that a comparison sees all of it: into the shards of a map that shares them none looks.

import type { CompiledGateway } from '../../src/compile/gateway/gateway-compiler.ts';

export function comparable({ model, verdict }: CompiledGateway): CompiledGateway {
  return { model: { ...model, rules: new Map(model.rules) }, verdict };
}
