import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileExpression, summaryOf } from './expression.ts';

/** What expressions of the tables are asked about. */
const SELF = {
  name: 'a1b22',
  size: 2n,
  none: null,
  tags: ['x', 'y'],
  labels: { a: '1', b: '2' },
  parts: [
    { id: 'p', n: 1n },
    { id: 'q', n: 2n },
  ],
  isOn: false,
  long: '😀é',
};

function evaluate(text: string): unknown {
  return compileExpression(text, { self: 'dyn' }).evaluate({ self: SELF });
}

const HOLDING: Readonly<Record<string, readonly string[]>> = {
  'the language': [
    '10 - (self.size - 1) == 9 && 10 - (1 + 2) == 7 && 2 * (3 + 4) == 14 && 7 % (2 * 2) == 3',
    'self.long == "😀é" && 1e-12 > 0.0',
    'self.size == 2.0 && self.size < 2.5 && "a" != self.size && self.none == null',
    'self.nothing.at.all == 1 || true',
    'has(self.parts[0].n) && !has(self.parts[0].m) && has(self.none)',
    'self.name == "a1b22" && "has(x)" == r"has(x)" && "\\"int(" == r\'"int(\'',
    'cel.bind(n, self.size, n + n == 4)',
    'int(timestamp("2024-01-01T00:00:00Z")) == 1704067200 && int("-7") == -7 && int(2.9) == 2 && int(3u) == 3',
    'string(timestamp("2024-01-01T00:00:00.500Z")) == "2024-01-01T00:00:00.5Z"',
    'string(duration("1m30s")) == "90s" && string(duration("1.5s")) == "1.5s"',
    'timestamp(timestamp("2024-01-01T00:00:00Z")) == timestamp("2024-01-01T00:00:00Z")',
  ],
  texts: [
    'self.name.matches("(?i)^A[[:digit:]]B") && matches(self.name, "b2+$")',
    'self.name.find("[0-9]+") == "1" && self.name.findAll("[0-9]+") == ["1", "22"] && self.name.findAll("[0-9]+", 1) == ["1"]',
    '"tacocat".charAt(3) == "o" && self.long.charAt(1) == "é" && "abc".charAt(3) == ""',
    '"hello mellow".indexOf("ello") == 1 && "hello mellow".indexOf("ello", 2) == 7 && "hello".indexOf("") == 0 && self.long.indexOf("é") == 1',
    '"hello mellow".lastIndexOf("ello") == 7 && "hello mellow".lastIndexOf("ello", 6) == 1 && "hello".lastIndexOf("x") == -1',
    '"ÀB".lowerAscii() == "Àb" && "àb".upperAscii() == "àB" && "  a ".trim() == "a"',
    '"hello hello".replace("he", "we") == "wello wello" && "hello hello".replace("he", "we", 1) == "wello hello"',
    '"ab".replace("", "-") == "-a-b-" && "ab".replace("", "-", 2) == "-a-b"',
    '"hello hello".replace("he", "we", 0) == "hello hello" && "a".replace("a", "$&") == "$&"',
    '"a,b,c".split(",") == ["a", "b", "c"] && "a,b,c".split(",", 2) == ["a", "b,c"] && "a,b".split(",", 0) == []',
    'self.long.split("") == ["😀", "é"] && ["a", "b"].join("-") == "a-b" && ["a", "b"].join() == "ab"',
    '"tacocat".substring(4) == "cat" && self.long.substring(1, 2) == "é" && "ab".reverse() == "ba"',
    'strings.quote("a\\"b\\n") == "\\"a\\\\\\"b\\\\n\\""',
    '"%s is %d of %s".format([self.name, self.size, self.tags]) == "a1b22 is 2 of [x, y]"',
    '"%.2f %e %b %o %x %X %%".format([1.005, 1052.0, 5, 8, "hi", 255]) == "1.00 1.052000e+03 101 10 6869 FF %"',
    '"%s %s %s %s".format([null, true, 1.5, {"b": 1, "a": "x"}]) == "null true 1.5 {a: x, b: 1}"',
    '"%s %s".format([timestamp("2024-01-01T00:00:00Z"), duration("1m")]) == "2024-01-01T00:00:00Z 60s"',
  ],
  lists: [
    '[1, 2, 2].isSorted() && [1, 2].sum() == 3 && [1.5, 2.0].sum() == 3.5 && ["b", "a"].min() == "a" && [1, 3].max() == 3',
    'self.tags.indexOf("y") == 1 && [1, 2, 1].lastIndexOf(1) == 2 && self.tags.indexOf("z") == -1',
    'sets.contains([1, 2, 3], [3, 1]) && sets.contains([1], []) && !sets.contains([1], [2]) && sets.contains([1.0], [1])',
    'sets.equivalent([1, 1, 2], [2, 1]) && !sets.equivalent([1], [1, 2])',
    'sets.intersects(self.tags, ["y"]) && !sets.intersects(self.tags, []) && sets.intersects([[1], [2]], [[2]])',
    'sets.contains([ip("10.0.0.1")], [ip("10.0.0.1")]) && sets.contains([{"a": 1}], [{"a": 1.0}])',
  ],
  'two variables': [
    'self.tags.all(i, v, i < 2 && v != "") && !self.tags.all(i, v, i < 1)',
    'self.tags.exists(i, v, i == 1 && v == "y") && !self.tags.exists(i, v, v == "z")',
    'self.tags.existsOne(i, v, v == "x") && !self.tags.exists_one(i, v, i >= 0)',
    'self.labels.all(k, v, k in ["a", "b"] && v.size() == 1) && self.labels.exists(k, v, k == "b" && v == "2")',
    'self.tags.transformList(i, v, "%d%s".format([i, v])) == ["0x", "1y"] && self.tags.transformList(i, v, i > 0, v) == ["y"]',
    'self.labels.transformMap(k, v, v + k) == {"a": "1a", "b": "2b"} && self.labels.transformMap(k, v, k == "a", v) == {"a": "1"}',
    'self.tags.transformMap(i, v, v) == {0: "x", 1: "y"} && self.tags.transformMap(i, v, v)[1] == "y"',
    'self.tags.transformMapEntry(i, v, {v: i}) == {"x": 0, "y": 1} && self.labels.transformMapEntry(k, v, v == "2", {v: k}) == {"2": "b"}',
    'self.parts.all(i, p, self.parts.all(j, q, i == j || p.id != q.id))',
    'self.tags.exists(i, v, self.nothing || v == "y") && !self.tags.all(i, v, self.nothing && v == "y" || i < 0)',
  ],
  'optional values': [
    'self.?size.optMap(n, n + 1).value() == 3 && !self.?nothing.optMap(n, n + 1).hasValue()',
    'self.?labels.optFlatMap(l, l[?"a"]).orValue("") == "1" && self.?labels.optFlatMap(l, l[?"z"]).orValue("-") == "-"',
    'optional.ofNonZeroValue(self.name).hasValue() && !optional.ofNonZeroValue("").hasValue() && !optional.ofNonZeroValue([]).hasValue()',
    'self.tags.first().value() == "x" && self.tags.last().value() == "y" && ![].first().hasValue()',
    'self.?nothing.or(self.?size).value() == 2',
  ],
  addresses: [
    'isIP("10.0.0.1") && isIP("::1") && !isIP("10.0.0.256") && !isIP("::ffff:1.2.3.4") && !isIP("fe80::1%eth0")',
    'ip("10.0.0.1").family() == 4 && ip("2001:DB8::1") == ip("2001:db8:0::1") && ip("::1") != ip("::2")',
    'ip.isCanonical("2001:db8::abcd") && !ip.isCanonical("2001:DB8::ABCD") && string(ip("2001:DB8::1")) == "2001:db8::1"',
    'ip("0.0.0.0").isUnspecified() && ip("::").isUnspecified() && ip("127.3.0.1").isLoopback() && !ip("::2").isLoopback()',
    'ip("224.0.0.1").isLinkLocalMulticast() && !ip("224.0.1.1").isLinkLocalMulticast() && ip("ff02::1").isLinkLocalMulticast() && ip("ff12::1").isLinkLocalMulticast()',
    'ip("169.254.1.1").isLinkLocalUnicast() && ip("fe80::1").isLinkLocalUnicast() && !ip("fec0::1").isLinkLocalUnicast()',
    'ip("192.168.0.1").isGlobalUnicast() && !ip("255.255.255.255").isGlobalUnicast() && !ip("ff02::1").isGlobalUnicast() && ip("2001:db8::1").isGlobalUnicast()',
    'isCIDR("10.0.0.0/8") && isCIDR("10.0.0.1/8") && isCIDR("::/0") && !isCIDR("10.0.0.0/33") && !isCIDR("10.0.0.0/08") && !isCIDR("10.0.0.0")',
    'cidr("192.168.0.0/24").containsIP("192.168.0.1") && !cidr("192.168.0.0/24").containsIP(ip("192.168.1.1")) && !cidr("::/0").containsIP("1.2.3.4")',
    'cidr("192.168.0.0/16").containsCIDR("192.168.10.0/24") && !cidr("192.168.0.0/24").containsCIDR(cidr("192.168.0.0/16"))',
    'cidr("192.168.0.1/24").ip() == ip("192.168.0.1") && cidr("192.168.0.1/24").masked() == cidr("192.168.0.0/24") && cidr("2001:db8::/32").prefixLength() == 32',
    'string(cidr("192.168.0.1/24")) == "192.168.0.1/24" && cidr("10.0.0.1/8") != cidr("10.0.0.0/8")',
    '["10.0.0.1", "10.0.0.2"].all(a, cidr("10.0.0.0/24").containsIP(a)) && ["::1"].exists(ip, ip(ip).isLoopback())',
  ],
  URLs: [
    'isURL("https://user:pass@example.com:80/path?query=val#fragment") && isURL("/path-only") && !isURL("https://a:b/") && !isURL("../relative") && !isURL("")',
    'url("https://example.com:80/").getHost() == "example.com:80" && url("https://example.com/").getHost() == "example.com" && url("https://[::1]:80/").getHost() == "[::1]:80"',
    'url("https://[::1]:80/").getHostname() == "::1" && url("/path").getHostname() == "" && url("HTTPS://Example.com").getScheme() == "https"',
    'url("https://example.com:80/").getPort() == "80" && url("https://example.com/").getPort() == "" && url("/path").getScheme() == ""',
    'url("https://example.com/path with spaces/").getEscapedPath() == "/path%20with%20spaces/" && url("https://example.com").getEscapedPath() == ""',
    'url("https://e.com/?k1=a&k2=b&k2=c").getQuery() == {"k1": ["a"], "k2": ["b", "c"]} && url("https://e.com/").getQuery() == {}',
    'url("https://e.com/?k=a+b%20c&d").getQuery() == {"k": ["a b c"], "d": [""]}',
  ],
  'named formats': [
    '!format.dns1123Label().validate("my-name").hasValue() && format.dns1123Label().validate("My.Name").value().size() == 1',
    'format.named("dns1123Subdomain").value().validate("Example").hasValue() && !format.named("nothing").hasValue()',
    '!format.dns1035Label().validate("a1").hasValue() && format.dns1035Label().validate("1a").hasValue()',
    '!format.qualifiedName().validate("a.b/c").hasValue() && format.qualifiedName().validate("a/b/c").hasValue()',
    '!format.dns1123LabelPrefix().validate("my-").hasValue() && format.dns1123Label().validate("my-").hasValue()',
    '!format.dns1123SubdomainPrefix().validate("a.b-").hasValue() && !format.dns1035LabelPrefix().validate("a-").hasValue()',
    '!format.labelValue().validate("").hasValue() && format.labelValue().validate("-").hasValue()',
    '!format.uri().validate("http://a/b").hasValue() && format.uri().validate("b").hasValue()',
    '!format.uuid().validate("123e4567-e89b-12d3-a456-426614174000").hasValue() && format.uuid().validate("1").value() == ["does not match the UUID format"]',
    '!format.byte().validate("aGVsbG8=").hasValue() && format.byte().validate("a").value() == ["invalid base64"]',
    '!format.date().validate("2021-01-01").hasValue() && format.date().validate("2021-13-01").value() == ["invalid date"]',
    '!format.datetime().validate("2021-01-01T00:00:00Z").hasValue() && format.datetime().validate("2021").value() == ["invalid datetime"]',
  ],
  quantities: [
    'isQuantity("1.5Gi") && !isQuantity("1GiB") && !isQuantity("Three")',
    'quantity("1Gi").isGreaterThan(quantity("1G")) && quantity("100m").isLessThan(quantity("1")) && quantity("1").compareTo(quantity("1000m")) == 0',
    'quantity("1") == quantity("1000m") && quantity("-1").sign() == -1 && quantity("0").sign() == 0',
    'quantity("50k").add(quantity("20")) == quantity("50020") && quantity("50k").sub(20000) == quantity("30k") && quantity("1").add(-2).sign() == -1',
    'quantity("0.1").add(quantity("0.2")) == quantity("300m") && quantity("9007199254740993").sub(quantity("9007199254740992")).asInteger() == 1',
    'quantity("50k").isInteger() && !quantity("50m").isInteger() && quantity("50k").asInteger() == 50000',
    'quantity("50.703k").asApproximateFloat() == 50703.0 && quantity("1e3") == quantity("1k") && quantity("1E") == quantity("1e18")',
    'quantity("0.1n") == quantity("1n") && quantity("-0.1n") == quantity("-1n") && quantity("1e50").asInteger() == 9223372036854775807',
  ],
  versions: [
    'isSemver("1.0.0") && isSemver("0.1.0-alpha.1+b") && !isSemver("v1.0.0") && !isSemver("1.0") && !isSemver("01.1.1")',
    'isSemver("v1.0", true) && isSemver("01.01.01", true) && !isSemver("1.0-a", true)',
    'semver("1.2.3").major() == 1 && semver("1.2.3").minor() == 2 && semver("v1.2", true).patch() == 0',
    'semver("1.2.3").compareTo(semver("1.2.3")) == 0 && semver("1.10.0").isGreaterThan(semver("1.9.0")) && semver("1.0.0-rc.1").isLessThan(semver("1.0.0"))',
    'semver("1.0.0-alpha").isLessThan(semver("1.0.0-alpha.1")) && semver("1.0.0-2").isLessThan(semver("1.0.0-10")) && semver("1.0.0-1").isLessThan(semver("1.0.0-a"))',
    'semver("1.0.0+a") == semver("1.0.0+b")',
  ],
};

for (const [library, expressions] of Object.entries(HOLDING))
  for (const text of expressions)
    test(`of ${library}: ${text}`, () => {
      assert.equal(evaluate(text), true);
    });

const NOT_COMPILED: readonly (readonly [text: string, expected: RegExp])[] = [
  ['self.size >', /Unexpected token/],
  ['other == 1', /Unknown variable: other/],
  ['self.name.twice()', /found no matching overload for 'dyn\.twice\(\)'/],
  ['"a".indexOf(1)', /found no matching overload for 'string\.indexOf\(int\)'$/],
  ['"a".matches(1)', /'string\.matches\(int\)'/],
  ['has(self)', /has\(\) asks for a field/],
  ['self.tags.all(1, v, true)', /all\(\) asks for a name/],
  ['self.tags.all(v, v, true)', /two names, not "v" twice/],
  ['self.tags.exists(i, v, 1)', /exists\(\) predicate must be bool, got 'int'/],
  ['"a".exists(i, v, true)', /exists\(\) goes over a list or a map, not over 'string'/],
  ['self.tags.transformList(i, v, w)', /Unknown variable: w/],
  ['[1].transformList(i, v, i + v == "a")', /no such overload: int == string/],
  ['1.optMap(x, x)', /./],
  ['"a".optMap(x, x)', /optMap\(\) receiver must be optional, got 'string'/],
  ['optional.of(1).optFlatMap(x, x)', /optFlatMap\(\) result must be optional, got 'int'/],
  ['ip(1).family()', /found no matching overload for 'ip\(int\)'/],
  ['ip("::1").twice()', /twice/],
  ['cidr("::/0").containsIP(1)', /containsIP/],
  ['quantity("1").add("1")', /add\(string\)/],
  ['sets.contains([1], 1)', /contains/],
  ['format.dns()', /dns/],
  ['semver("1.0.0") < semver("2.0.0")', /no such overload/],
];

for (const [text, expected] of NOT_COMPILED)
  test(`${text} is refused when it is compiled`, () => {
    assert.throws(() => compileExpression(text, { self: 'dyn' }), expected);
  });

const NOT_EVALUATED: readonly (readonly [text: string, expected: RegExp])[] = [
  ['self.nothing', /^no such key: nothing$/],
  ['int("")', /^strconv\.ParseInt: parsing "": invalid syntax$/],
  ['int(1e300)', /integer overflow/],
  ['"a".charAt(2)', /^index out of range: 2$/],
  ['"abc".substring(2, 1)', /^invalid substring range\. start: 2, end: 1$/],
  ['self.size.matches("a")', /^found no matching overload for 'int\.matches\(string\)'$/],
  ['"%d".format(["a"])', /decimal clause can only be used on integers/],
  ['"%d".format([])', /index 0 out of range/],
  ['"%s".format([ip("::1")])', /string clause can only be used on strings/],
  ['"%z".format([1])', /unrecognized formatting clause "z"/],
  ['"%".format([1])', /unexpected end of string/],
  ['ip("1.2.3")', /^IP Address "1\.2\.3" parse error during conversion from string$/],
  ['cidr("1.2.3.4")', /^network address parse error during conversion from string: "1\.2\.3\.4"$/],
  [
    'url("../a")',
    /^URL parse error during conversion from string: parse "\.\.\/a": invalid URI for request$/,
  ],
  ['quantity("1GiB")', /^quantities must match the regular expression/],
  ['quantity("1m").asInteger()', /^cannot convert value to integer$/],
  ['semver("v1")', /^invalid semantic version "v1"$/],
  ['self.tags.transformMapEntry(i, v, {"same": v})', /^insert failed: key same already exists$/],
  ['self.tags.existsOne(i, v, self.nothing)', /no such key: nothing/],
  ['self.size.all(i, v, true)', /^all\(\) goes over a list or a map$/],
  ['self.size.optMap(x, x)', /^optMap\(\) receiver must be optional$/],
  ['[].min()', /^min called on empty list$/],
  [`"${'a'.repeat(5000)}".replace("", "${'b'.repeat(5000)}")`, /longer than 1048576 characters/],
];

for (const [text, expected] of NOT_EVALUATED)
  test(`${text.slice(0, 80)} cannot be evaluated`, () => {
    const { evaluate: run } = compileExpression(text, { self: 'dyn' });
    try {
      run({ self: SELF });
      assert.fail('it can');
    } catch (error) {
      assert.match(summaryOf(error), expected);
    }
  });
