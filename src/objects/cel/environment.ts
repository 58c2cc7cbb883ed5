// What every expression may call: the standard functions and those that Kubernetes adds (k8s.io/apiserver/pkg/cel/environment).

import { Environment } from '@marcbachmann/cel-js';
import { registerAddresses } from './addresses.ts';
import { registerComprehensions } from './comprehensions.ts';
import { registerHas } from './has.ts';
import { registerLists } from './lists.ts';
import { registerFormats } from './named-formats.ts';
import { registerOptionals } from './optionals.ts';
import { registerQuantities } from './quantities.ts';
import { registerSemvers } from './semvers.ts';
import { registerTexts } from './texts.ts';
import { registerConversions } from './times.ts';
import { registerUrls } from './urls.ts';

const LIMITS = {
  maxAstNodes: 5000,
  maxDepth: 64,
  maxListElements: 1000,
  maxMapEntries: 1000,
  maxCallArguments: 32,
};

const LIBRARIES = [
  registerHas,
  registerComprehensions,
  registerOptionals,
  registerConversions,
  registerTexts,
  registerLists,
  registerAddresses,
  registerUrls,
  registerFormats,
  registerQuantities,
  registerSemvers,
];

/** To fill an environment costs more than to compile a rule. */
const COMMON = commonEnvironment();

function commonEnvironment(): Environment {
  const environment = new Environment({
    enableOptionalTypes: true,
    homogeneousAggregateLiterals: false,
    limits: LIMITS,
  });
  for (const register of LIBRARIES) register(environment);
  return environment;
}

/** An environment with the variables of `types`, by their names. */
export function environmentOf(types: Readonly<Record<string, string>>): Environment {
  const environment = COMMON.clone();
  for (const [name, type] of Object.entries(types)) environment.registerVariable(name, type);
  return environment;
}
