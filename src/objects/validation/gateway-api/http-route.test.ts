import {
  array,
  FILTER,
  type Loose,
  many,
  modifier,
  object,
  redirect,
  rewrite,
  type Row,
  RULE,
  SERVICE,
  testRows,
  UNCHECKED,
} from '../../../../test/support/gateway-rows.ts';

const rule = (of: Loose): Loose => ({ rules: [{ backendRefs: [SERVICE], ...of }] });
const path = (type: string, value: string): Loose => rule({ matches: [{ path: { type, value } }] });
const PREFIX = { path: { type: 'ReplacePrefixMatch', replacePrefixMatch: '/x' } };
const EXACT = [{ path: { type: 'Exact', value: '/a' } }];
const LITERAL = "when type one of ['Exact', 'PathPrefix']";
const VALID_PATH =
  "must only contain valid characters (matching ^(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|[%][0-9a-fA-F]{2})+$) for types ['Exact', 'PathPrefix']";
const onPath = (...messages: readonly string[]): readonly string[] =>
  messages.map((it) => object(`${RULE}.matches[0].path`, it));
const inPrefix = (type: string): string =>
  `using ${type} filter with path.replacePrefixMatch, exactly one PathPrefix match must be specified`;

const HTTP_ROUTES: readonly Row[] = [
  ['no specification', 'HTTPRoute', undefined, ['spec: Required value', UNCHECKED]],
  [
    'a path that is relative',
    'HTTPRoute',
    path('PathPrefix', 'a'),
    onPath(`value must be an absolute path and start with '/' ${LITERAL}`),
  ],
  ['a path with //', 'HTTPRoute', path('Exact', '/a//b'), onPath(`must not contain '//' ${LITERAL}`)],
  ['a path with /./', 'HTTPRoute', path('Exact', '/a/./b'), onPath(`must not contain '/./' ${LITERAL}`)],
  ['a path with /../', 'HTTPRoute', path('Exact', '/a/../b'), onPath(`must not contain '/../' ${LITERAL}`)],
  ['a path with %2f', 'HTTPRoute', path('PathPrefix', '/a%2fb'), onPath(`must not contain '%2f' ${LITERAL}`)],
  ['a path with %2F', 'HTTPRoute', path('PathPrefix', '/a%2Fb'), onPath(`must not contain '%2F' ${LITERAL}`)],
  [
    'a path with #',
    'HTTPRoute',
    path('Exact', '/a#b'),
    onPath(`must not contain '#' ${LITERAL}`, VALID_PATH),
  ],
  [
    'a path that ends in /..',
    'HTTPRoute',
    path('Exact', '/a/..'),
    onPath(`must not end with '/..' ${LITERAL}`),
  ],
  ['a path that ends in /.', 'HTTPRoute', path('Exact', '/a/.'), onPath(`must not end with '/.' ${LITERAL}`)],
  ['a path of two lines', 'HTTPRoute', path('Exact', '/a\r\nb'), onPath(VALID_PATH)],
  ['a path that ends a line', 'HTTPRoute', path('Exact', '/a\n'), onPath(VALID_PATH)],
  ['a path with an end of texts', 'HTTPRoute', path('PathPrefix', '/a\0'), onPath(VALID_PATH)],
  [
    'a path of 1025 characters',
    'HTTPRoute',
    path('RegularExpression', 'a'.repeat(1025)),
    [`${RULE}.matches[0].path.value: Too long: may not be more than 1024 bytes`, UNCHECKED],
  ],
  [
    'a path of another type',
    'HTTPRoute',
    path('Glob', '/'),
    [
      `${RULE}.matches[0].path.type: Unsupported value: "Glob": supported values: "Exact", "PathPrefix", "RegularExpression"`,
      UNCHECKED,
    ],
  ],
  [
    'another method',
    'HTTPRoute',
    rule({ matches: [{ method: 'BREW' }] }),
    [
      `${RULE}.matches[0].method: Unsupported value: "BREW": supported values: "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"`,
      UNCHECKED,
    ],
  ],
  [
    'a header that stands twice in a match',
    'HTTPRoute',
    rule({ matches: [{ headers: many(2, () => ({ name: 'a', value: 'b' })) }] }),
    [`${RULE}.matches[0].headers[1]: Duplicate value: {"name":"a"}`],
  ],
  [
    'a parameter that stands twice in a match',
    'HTTPRoute',
    rule({ matches: [{ queryParams: many(2, () => ({ name: 'a', value: 'b' })) }] }),
    [`${RULE}.matches[0].queryParams[1]: Duplicate value: {"name":"a"}`],
  ],
  [
    'a name that is none of a header',
    'HTTPRoute',
    rule({ matches: [{ headers: [{ name: ':method', value: 'b' }] }] }),
    [
      `${RULE}.matches[0].headers[0].name: Invalid value: ":method": ${RULE}.matches[0].headers[0].name in body should match '^[A-Za-z0-9!#$%&'*+\\-.^_\\x60|~]+$'`,
    ],
  ],
  [
    'an empty value of a header',
    'HTTPRoute',
    modifier({ set: [{ name: 'a', value: '' }] }),
    [
      `${FILTER}.requestHeaderModifier.set[0].value: Invalid value: "": ${FILTER}.requestHeaderModifier.set[0].value in body should be at least 1 chars long`,
      `${FILTER}.requestHeaderModifier.set[0].value: Invalid value: "": ${FILTER}.requestHeaderModifier.set[0].value in body should match '^[!-~]+([\\t ]?[!-~]+)*$'`,
    ],
  ],
  [
    'a value that is two headers',
    'HTTPRoute',
    modifier({ add: [{ name: 'a', value: 'b\r\nc: d' }] }),
    [
      `${FILTER}.requestHeaderModifier.add[0].value: Invalid value: "b\\r\\nc: d": ${FILTER}.requestHeaderModifier.add[0].value in body should match '^[!-~]+([\\t ]?[!-~]+)*$'`,
    ],
  ],
  [
    'a header that is set twice',
    'HTTPRoute',
    modifier({ set: many(2, () => ({ name: 'a', value: 'b' })) }),
    [`${FILTER}.requestHeaderModifier.set[1]: Duplicate value: {"name":"a"}`],
  ],
  [
    'a header that is removed twice',
    'HTTPRoute',
    modifier({ remove: ['a', 'a'] }),
    [`${FILTER}.requestHeaderModifier.remove[1]: Duplicate value: "a"`],
  ],
  [
    'two rules of one name',
    'HTTPRoute',
    { rules: [{ name: 'a' }, { name: 'a' }] },
    [array('spec.rules', 'Rule name must be unique within the route')],
  ],
  [
    '17 rules',
    'HTTPRoute',
    { rules: many(17, () => ({})) },
    ['spec.rules: Too many: 17: must have at most 16 items', UNCHECKED],
  ],
  [
    '129 matches',
    'HTTPRoute',
    { rules: many(3, () => ({ matches: many(43, () => ({})) })) },
    [
      array(
        'spec.rules',
        'While 16 rules and 64 matches per rule are allowed, the total number of matches across all rules in a route must be less than 128',
      ),
    ],
  ],
  [
    '65 matches of a rule',
    'HTTPRoute',
    rule({ matches: many(65, () => ({})) }),
    [`${RULE}.matches: Too many: 65: must have at most 64 items`, UNCHECKED],
  ],
  [
    'a redirect beside backends',
    'HTTPRoute',
    rule({ filters: [redirect()] }),
    [object(RULE, 'RequestRedirect filter must not be used together with backendRefs')],
  ],
  [
    'a redirect of the prefix of an exact path',
    'HTTPRoute',
    { rules: [{ matches: EXACT, filters: [redirect(PREFIX)] }] },
    [object(RULE, `When ${inPrefix('RequestRedirect')}`)],
  ],
  [
    'a rewrite of the prefix of an exact path',
    'HTTPRoute',
    rule({ matches: EXACT, filters: [rewrite(PREFIX)] }),
    [object(RULE, `When ${inPrefix('URLRewrite')}`)],
  ],
  [
    'a rewrite of the prefix of two paths',
    'HTTPRoute',
    rule({ matches: [{}, { path: { value: '/b' } }], filters: [rewrite(PREFIX)] }),
    [object(RULE, `When ${inPrefix('URLRewrite')}`)],
  ],
  [
    'a rewrite of the prefix of no path',
    'HTTPRoute',
    rule({ matches: [], filters: [rewrite(PREFIX)] }),
    [object(RULE, `When ${inPrefix('URLRewrite')}`)],
  ],
  [
    "a backend's redirect of the prefix of an exact path",
    'HTTPRoute',
    { rules: [{ matches: EXACT, backendRefs: [{ ...SERVICE, filters: [redirect(PREFIX)] }] }] },
    [object(RULE, `Within backendRefs, when ${inPrefix('RequestRedirect')}`)],
  ],
  [
    "a backend's rewrite of the prefix of an exact path",
    'HTTPRoute',
    { rules: [{ matches: EXACT, backendRefs: [{ ...SERVICE, filters: [rewrite(PREFIX)] }] }] },
    [object(RULE, `Within backendRefs, When ${inPrefix('URLRewrite')}`)],
  ],
  [
    'a Service without a port',
    'HTTPRoute',
    rule({ backendRefs: [{ name: 'a' }] }),
    [object(`${RULE}.backendRefs[0]`, 'Must have port for Service reference')],
  ],
  [
    'a weight above a million',
    'HTTPRoute',
    rule({ backendRefs: [{ ...SERVICE, weight: 1_000_001 }] }),
    [
      `${RULE}.backendRefs[0].weight: Invalid value: 1000001: ${RULE}.backendRefs[0].weight in body should be less than or equal to 1000000`,
    ],
  ],
  [
    'port 0',
    'HTTPRoute',
    rule({ backendRefs: [{ name: 'a', port: 0 }] }),
    [
      `${RULE}.backendRefs[0].port: Invalid value: 0: ${RULE}.backendRefs[0].port in body should be greater than or equal to 1`,
    ],
  ],
  [
    'a try that takes longer than the whole',
    'HTTPRoute',
    rule({ timeouts: { request: '1s', backendRequest: '1s1ms' } }),
    [object(`${RULE}.timeouts`, 'backendRequest timeout cannot be longer than request timeout')],
  ],
  [
    'a time that is none',
    'HTTPRoute',
    rule({ timeouts: { request: '1.5s' } }),
    [
      `${RULE}.timeouts.request: Invalid value: "1.5s": ${RULE}.timeouts.request in body should match '^([0-9]{1,5}(h|m|s|ms)){1,4}$'`,
    ],
  ],
  [
    'no further try',
    'HTTPRoute',
    rule({ retry: { attempts: 0 } }),
    [
      `${RULE}.retry.attempts: Invalid value: 0: ${RULE}.retry.attempts in body should be greater than or equal to 1`,
    ],
  ],
  [
    'a code twice',
    'HTTPRoute',
    rule({ retry: { codes: [500, 500] } }),
    [`${RULE}.retry.codes[1]: Duplicate value: 500`],
  ],
  [
    'a code of success',
    'HTTPRoute',
    rule({ retry: { codes: [200] } }),
    [
      `${RULE}.retry.codes[0]: Invalid value: 200: ${RULE}.retry.codes[0] in body should be greater than or equal to 400`,
    ],
  ],
  [
    'a permanent cookie without an end',
    'HTTPRoute',
    rule({ sessionPersistence: { cookieConfig: { lifetimeType: 'Permanent' } } }),
    [
      object(
        `${RULE}.sessionPersistence`,
        'AbsoluteTimeout must be specified when cookie lifetimeType is Permanent',
      ),
    ],
  ],
  [
    'a name in upper case',
    'HTTPRoute',
    { hostnames: ['A.example.com'] },
    [
      `spec.hostnames[0]: Invalid value: "A.example.com": spec.hostnames[0] in body should match '^(\\*\\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$'`,
    ],
  ],
  [
    '17 names',
    'HTTPRoute',
    { hostnames: many(17, (i) => `a${i}.b`) },
    ['spec.hostnames: Too many: 17: must have at most 16 items', UNCHECKED],
  ],
  [
    'a parent without a name',
    'HTTPRoute',
    { parentRefs: [{}] },
    ['spec.parentRefs[0].name: Required value', UNCHECKED],
  ],
  [
    'the same parent twice',
    'HTTPRoute',
    { parentRefs: [{ name: 'a' }, { name: 'a' }] },
    [
      array(
        'spec.parentRefs',
        'sectionName or port must be unique when parentRefs includes 2 or more references to the same parent',
      ),
    ],
  ],
  [
    'a parent and one section of it',
    'HTTPRoute',
    { parentRefs: [{ name: 'a' }, { name: 'a', sectionName: 'b' }] },
    [
      array(
        'spec.parentRefs',
        'sectionName or port must be specified when parentRefs includes 2 or more references to the same parent',
      ),
    ],
  ],
  [
    'a section and a port of one parent',
    'HTTPRoute',
    {
      parentRefs: [
        { name: 'a', port: 80 },
        { name: 'a', sectionName: 'b' },
      ],
    },
    [
      array(
        'spec.parentRefs',
        'sectionName or port must be specified when parentRefs includes 2 or more references to the same parent',
      ),
    ],
  ],
  [
    'two parents of one name and different kinds, namespaces or sections',
    'HTTPRoute',
    {
      parentRefs: [
        { name: 'a', port: 80 },
        { name: 'a', port: 81 },
        { name: 'a', namespace: 'b' },
        { name: 'a', kind: 'ListenerSet' },
        { name: 'b', sectionName: 'c' },
        { name: 'b', sectionName: 'd' },
      ],
    },
    [],
  ],
];

testRows(HTTP_ROUTES);
