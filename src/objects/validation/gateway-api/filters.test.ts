import {
  array,
  FILTER,
  filters,
  type Loose,
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

const cors = (of: Loose): Loose => filters({ type: 'CORS', cors: of });
const auth = (of: Loose): Loose =>
  filters({ type: 'ExternalAuth', externalAuth: { protocol: 'HTTP', backendRef: SERVICE, http: {}, ...of } });
const mirror = (of: Loose): Loose =>
  filters({ type: 'RequestMirror', requestMirror: { backendRef: SERVICE, ...of } });

const FILTERS: readonly Row[] = [
  [
    'a header of 4096 characters and a line',
    'HTTPRoute',
    modifier({ set: [{ name: 'a', value: `${'b'.repeat(4095)}\n` }] }),
    [
      `${FILTER}.requestHeaderModifier.set[0].value: Invalid value: "${'b'.repeat(199)}...: ${FILTER}.requestHeaderModifier.set[0].value in body should match '^[!-~]+([\\t ]?[!-~]+)*$'`,
    ],
  ],
  [
    'a filter of another type',
    'HTTPRoute',
    filters({ type: 'Teapot' }),
    [
      `${FILTER}.type: Unsupported value: "Teapot": supported values: "CORS", "RequestHeaderModifier", "ResponseHeaderModifier", "RequestMirror", "RequestRedirect", "URLRewrite", "ExternalAuth", "ExtensionRef"`,
      UNCHECKED,
    ],
  ],
  ['a filter without a type', 'HTTPRoute', filters({}), [`${FILTER}.type: Required value`, UNCHECKED]],
  [
    'a redirect and a rewrite',
    'HTTPRoute',
    filters(redirect(), rewrite()),
    [
      array(
        `${RULE}.filters`,
        'May specify either httpRouteFilterRequestRedirect or httpRouteFilterRequestRewrite, but not both',
      ),
    ],
  ],
  ...(
    [
      ['CORS', 'cors', {}],
      ['RequestHeaderModifier', 'requestHeaderModifier', {}],
      ['ResponseHeaderModifier', 'responseHeaderModifier', {}],
      ['RequestRedirect', 'requestRedirect', {}],
      ['URLRewrite', 'urlRewrite', {}],
    ] as const
  ).map(([type, member, value]): Row => [
    `${type} twice`,
    'HTTPRoute',
    filters({ type, [member]: value }, { type, [member]: value }),
    [array(`${RULE}.filters`, `${type} filter cannot be repeated`)],
  ]),
  ...(
    [
      ['CORS', 'cors', {}],
      ['RequestHeaderModifier', 'requestHeaderModifier', {}],
      ['ResponseHeaderModifier', 'responseHeaderModifier', {}],
      ['RequestMirror', 'requestMirror', { backendRef: SERVICE }],
      ['RequestRedirect', 'requestRedirect', {}],
      ['URLRewrite', 'urlRewrite', {}],
      ['ExternalAuth', 'externalAuth', { protocol: 'HTTP', backendRef: SERVICE, http: {} }],
      ['ExtensionRef', 'extensionRef', { group: 'a.b', kind: 'C', name: 'd' }],
    ] as const
  ).flatMap(([type, member, value]): readonly Row[] => {
    const other = type === 'CORS' ? { type: 'URLRewrite', urlRewrite: {} } : { type: 'CORS', cors: {} };
    return [
      [
        `${type} without its member`,
        'HTTPRoute',
        filters({ type }),
        [object(FILTER, `filter.${member} must be specified for ${type} filter.type`)],
      ],
      [
        `${member} beside another filter's type`,
        'HTTPRoute',
        filters({ ...other, [member]: value }),
        [object(FILTER, `filter.${member} must be nil if the filter.type is not ${type}`)],
      ],
    ];
  }),
  [
    'a share that is said twice',
    'HTTPRoute',
    mirror({ percent: 1, fraction: { numerator: 1 } }),
    [
      object(
        `${FILTER}.requestMirror`,
        'Only one of percent or fraction may be specified in HTTPRequestMirrorFilter',
      ),
    ],
  ],
  [
    'a share of more than all',
    'HTTPRoute',
    mirror({ fraction: { numerator: 101 } }),
    [object(`${FILTER}.requestMirror.fraction`, 'numerator must be less than or equal to denominator')],
  ],
  [
    '101 percent',
    'HTTPRoute',
    mirror({ percent: 101 }),
    [
      `${FILTER}.requestMirror.percent: Invalid value: 101: ${FILTER}.requestMirror.percent in body should be less than or equal to 100`,
    ],
  ],
  [
    'a mirror without a port',
    'HTTPRoute',
    mirror({ backendRef: { name: 'a' } }),
    [object(`${FILTER}.requestMirror.backendRef`, 'Must have port for Service reference')],
  ],
  [
    'a full path that is absent',
    'HTTPRoute',
    filters(redirect({ path: { type: 'ReplaceFullPath' } })),
    [
      object(
        `${FILTER}.requestRedirect.path`,
        "replaceFullPath must be specified when type is set to 'ReplaceFullPath'",
      ),
    ],
  ],
  [
    'a prefix that is absent',
    'HTTPRoute',
    filters(rewrite({ path: { type: 'ReplacePrefixMatch' } })),
    [
      object(
        `${FILTER}.urlRewrite.path`,
        "replacePrefixMatch must be specified when type is set to 'ReplacePrefixMatch'",
      ),
    ],
  ],
  [
    'a full path beside a prefix',
    'HTTPRoute',
    filters(rewrite({ path: { type: 'ReplacePrefixMatch', replacePrefixMatch: '/', replaceFullPath: '/' } })),
    [object(`${FILTER}.urlRewrite.path`, "type must be 'ReplaceFullPath' when replaceFullPath is set")],
  ],
  [
    'a prefix beside a full path',
    'HTTPRoute',
    filters(rewrite({ path: { type: 'ReplaceFullPath', replacePrefixMatch: '/', replaceFullPath: '/' } })),
    [object(`${FILTER}.urlRewrite.path`, "type must be 'ReplacePrefixMatch' when replacePrefixMatch is set")],
  ],
  [
    'a redirect with another code',
    'HTTPRoute',
    filters(redirect({ statusCode: 304 })),
    [
      `${FILTER}.requestRedirect.statusCode: Unsupported value: 304: supported values: "301", "302", "303", "307", "308"`,
      UNCHECKED,
    ],
  ],
  [
    'a redirect to another scheme',
    'HTTPRoute',
    filters(redirect({ scheme: 'ftp' })),
    [
      `${FILTER}.requestRedirect.scheme: Unsupported value: "ftp": supported values: "http", "https"`,
      UNCHECKED,
    ],
  ],
  [
    'all origins and one',
    'HTTPRoute',
    cors({ allowOrigins: ['*', 'https://a.b'] }),
    [array(`${FILTER}.cors.allowOrigins`, "AllowOrigins cannot contain '*' alongside other origins")],
  ],
  [
    'all methods and one',
    'HTTPRoute',
    cors({ allowMethods: ['*', 'GET'] }),
    [array(`${FILTER}.cors.allowMethods`, "AllowMethods cannot contain '*' alongside other methods")],
  ],
  [
    'all headers and one',
    'HTTPRoute',
    cors({ allowHeaders: ['*', 'a'] }),
    [array(`${FILTER}.cors.allowHeaders`, "AllowHeaders cannot contain '*' alongside other methods")],
  ],
  [
    'an origin twice',
    'HTTPRoute',
    cors({ allowOrigins: ['https://a.b', 'https://a.b'] }),
    [`${FILTER}.cors.allowOrigins[1]: Duplicate value: "https://a.b"`],
  ],
  [
    'an age of nothing',
    'HTTPRoute',
    cors({ maxAge: 0 }),
    [
      `${FILTER}.cors.maxAge: Invalid value: 0: ${FILTER}.cors.maxAge in body should be greater than or equal to 1`,
    ],
  ],
  [
    'an authority of HTTP without its options',
    'HTTPRoute',
    auth({ http: undefined }),
    [object(`${FILTER}.externalAuth`, "http must be specified when protocol is set to 'HTTP'")],
  ],
  [
    'an authority of gRPC without its options',
    'HTTPRoute',
    auth({ protocol: 'GRPC', http: undefined }),
    [object(`${FILTER}.externalAuth`, "grpc must be specified when protocol is set to 'GRPC'")],
  ],
  [
    'an authority of HTTP with options of gRPC',
    'HTTPRoute',
    auth({ grpc: {} }),
    [object(`${FILTER}.externalAuth`, "protocol must be 'GRPC' when grpc is set")],
  ],
  [
    'an authority of gRPC with options of HTTP',
    'HTTPRoute',
    auth({ protocol: 'GRPC', grpc: {} }),
    [object(`${FILTER}.externalAuth`, "protocol must be 'HTTP' when http is set")],
  ],
  [
    'an authority without a port',
    'HTTPRoute',
    auth({ backendRef: { name: 'a' } }),
    [object(`${FILTER}.externalAuth.backendRef`, 'Must have port for Service reference')],
  ],
  [
    'a filter of HTTP in a GRPCRoute',
    'GRPCRoute',
    filters({ type: 'URLRewrite' }),
    [
      `${FILTER}.type: Unsupported value: "URLRewrite": supported values: "ResponseHeaderModifier", "RequestHeaderModifier", "RequestMirror", "ExtensionRef"`,
      UNCHECKED,
    ],
  ],
  [
    "a backend's filter without its member",
    'GRPCRoute',
    { rules: [{ backendRefs: [{ ...SERVICE, filters: [{ type: 'RequestMirror' }] }] }] },
    [
      object(
        `${RULE}.backendRefs[0].filters[0]`,
        'filter.requestMirror must be specified for RequestMirror filter.type',
      ),
    ],
  ],
];

testRows(FILTERS);
