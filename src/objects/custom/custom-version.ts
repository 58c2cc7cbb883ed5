// One version of a custom kind at work: what becomes of a body, what is wrong with an object, how a stored object is served.

import { hasCode } from '../../base/errors.ts';
import { checkFields, type FieldCheck } from '../field-check.ts';
import { isSameJson, listOf, objectOf, textOf, type Draft } from '../json.ts';
import type { KubeObject, ObjectMeta } from '../meta.ts';
import { forbiddenField, type FieldError } from '../validation/field-error.ts';
import { messageSchema } from '../../wire/kubernetes-protobuf-schema.ts';
import { applySchemaDefaults } from './defaults.ts';
import type { OwnedType } from '../apply/field-type.ts';
import { customOwnedType } from './owned-type.ts';
import { pruneObject } from './prune.ts';
import { compileRules, ruleErrors, type RuleTree } from './cel/rules.ts';
import { hasAuthorsCode, parseSchema, type Schema } from './schema.ts';
import { valueErrors } from './validate-value.ts';
import { withinBounds } from './within-bounds.ts';

/** A column of `kubectl get` (additionalPrinterColumns). */
export interface PrinterColumn {
  readonly name: string;
  readonly type: string;
  readonly format: string;
  readonly description: string;
  readonly priority: number;
  readonly jsonPath: string;
}

/** Where replicas stand in objects of the kind: ".spec.replicas". */
export interface ScalePaths {
  readonly specReplicas: string;
  readonly statusReplicas: string;
  readonly labelSelector: string | undefined;
}

/** Who has more mends these first. */
const MAX_ERRORS = 100;

/** As long as patterns and rules for one object may take together. */
const MAX_JUDGING_MS = 1000;

const CUSTOM_OBJECT = messageSchema('apiextensions.CustomObject');

/** A definition from the server, or from a manifest. */
export interface DefinitionObject {
  readonly metadata: Partial<ObjectMeta>;
  readonly [field: string]: unknown;
}

export class CustomVersion {
  /** The schema as it is published. */
  readonly openApi: Readonly<Draft>;
  #schema: Schema;
  readonly columns: readonly PrinterColumn[];
  readonly scale: ScalePaths | undefined;
  /** Field selectors may ask for these, beside name and namespace: "spec.color". */
  readonly selectableFields: readonly string[];
  /** Said to who writes the version. */
  readonly deprecation: string | undefined;
  /** The kind of its lists. */
  readonly listKind: string;
  /** Tells this edition of the definition from every other one. */
  readonly edition: string;
  /** Its definition is being deleted: nothing new is made. */
  readonly isTerminating: boolean;
  readonly #apiVersion: string;
  readonly #hasStatus: boolean;
  /** Compiled when they are first asked. */
  readonly #isHostile: boolean;
  #rules: { readonly tree: RuleTree | undefined } | undefined;
  readonly #served = new WeakMap<KubeObject, KubeObject>();

  constructor(definition: DefinitionObject, version: Readonly<Draft>) {
    const spec = objectOf(definition['spec']);
    this.#apiVersion = `${textOf(spec['group']) ?? ''}/${textOf(version['name']) ?? ''}`;
    this.openApi = objectOf(objectOf(version['schema'])['openAPIV3Schema']);
    this.#schema = parseSchema(this.openApi);
    this.#isHostile = hasAuthorsCode(this.#schema);
    this.columns = listOf(version['additionalPrinterColumns']).map((it) => columnOf(objectOf(it)));
    const { scale, status } = objectOf(version['subresources']);
    this.scale = scale === undefined ? undefined : scalePathsOf(objectOf(scale));
    this.#hasStatus = status !== undefined;
    this.selectableFields = listOf(version['selectableFields']).map((it) =>
      (textOf(objectOf(it)['jsonPath']) ?? '').slice(1),
    );
    this.edition = `${definition.metadata.uid ?? ''} ${definition.metadata.generation ?? 0}`;
    this.isTerminating = definition.metadata.deletionTimestamp !== undefined;
    const names = objectOf(spec['names']);
    const kind = textOf(names['kind']) ?? '';
    this.listKind = textOf(names['listKind']) ?? `${kind}List`;
    this.deprecation =
      version['deprecated'] === true
        ? (textOf(version['deprecationWarning']) ?? `${this.#apiVersion} ${kind} is deprecated`)
        : undefined;
  }

  /** Prunes a body in place, and says what was wrong with it. */
  check(body: Draft): FieldCheck {
    const meta: Draft = { metadata: body['metadata'] };
    const found = CUSTOM_OBJECT === undefined ? undefined : checkFields(CUSTOM_OBJECT, meta);
    body['metadata'] = meta['metadata'] ?? {};
    const unknown = pruneObject(this.#schema, body);
    return { unknown: [...(found?.unknown ?? []), ...unknown], mismatches: found?.mismatches ?? [] };
  }

  /** How its objects' fields are owned one by one. */
  get ownedType(): OwnedType {
    return customOwnedType(this.#schema);
  }

  /** Fills a body's defaults in place. */
  fill(body: Draft): void {
    applySchemaDefaults(this.#schema, body);
  }

  /** Everything wrong with an object that was accepted; `before` is the stored one, undefined at creation. */
  validate(object: Readonly<Draft>, before: Readonly<Draft> | undefined): readonly FieldError[] {
    // The status of a new object goes before it is stored.
    const { status: _status, ...fresh } = object;
    const judged = before === undefined && this.#hasStatus ? fresh : object;
    if (!this.#isHostile) return this.#judge(judged, before);
    // Once, and in the time that it took when the definition was made.
    this.#rules ??= { tree: compileRules({ ...this.#schema, isEmbedded: true }) };
    try {
      return withinBounds(MAX_JUDGING_MS, () => this.#judge(judged, before));
    } catch (error) {
      if (!hasCode(error, 'exhausted')) throw error;
      // What was ended by force may be half done inside.
      this.#schema = parseSchema(this.openApi);
      this.#rules = undefined;
      return [forbiddenField('', `the object cannot be judged by its definition: ${error.message}`)];
    }
  }

  #judge(object: Readonly<Draft>, before: Readonly<Draft> | undefined): readonly FieldError[] {
    const errors = valueErrors(this.#schema, object, { at: '', before });
    // Rules may count on the schema.
    if (errors.length > 0) return errors.slice(0, MAX_ERRORS);
    const tree = this.#rules?.tree;
    return tree === undefined ? [] : ruleErrors(tree, object, before).slice(0, MAX_ERRORS);
  }

  /** A stored object as this version serves it: under its name, with the defaults of today and without what it no longer knows. */
  served(stored: KubeObject): KubeObject {
    const known = this.#served.get(stored);
    if (known !== undefined) return known;
    const draft: Draft = structuredClone({ ...stored, apiVersion: this.#apiVersion });
    pruneObject(this.#schema, draft);
    applySchemaDefaults(this.#schema, draft);
    // A stored object has whole metadata: neither step touches them. The same object shares its bytes.
    const served = isSameJson(draft, stored) ? stored : (draft as unknown as KubeObject);
    this.#served.set(stored, served);
    return served;
  }
}

function columnOf(raw: Readonly<Draft>): PrinterColumn {
  const { priority } = raw;
  return {
    name: textOf(raw['name']) ?? '',
    type: textOf(raw['type']) ?? '',
    format: textOf(raw['format']) ?? '',
    description: textOf(raw['description']) ?? '',
    priority: typeof priority === 'number' ? priority : 0,
    jsonPath: textOf(raw['jsonPath']) ?? '',
  };
}

function scalePathsOf(raw: Readonly<Draft>): ScalePaths {
  return {
    specReplicas: textOf(raw['specReplicasPath']) ?? '',
    statusReplicas: textOf(raw['statusReplicasPath']) ?? '',
    labelSelector: textOf(raw['labelSelectorPath']),
  };
}
