// The one form that the API gives a quantity, whatever it was written as: "0.1" is "100m", "1024Mi" is "1Gi" (apimachinery, resource.Quantity).
// Clients compare what they sent with what they read by it. Pure.

const FORM = /^[+-]?(?:(\d+)(?:\.(\d*))?|\.(\d+))(?:[eE]([+-]?\d{1,3})|(Ki|Mi|Gi|Ti|Pi|Ei)|([numkMGTPE]?))$/;
const BINARY = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];
const DECIMAL: ReadonlyMap<string, number> = new Map([
  ['n', -9],
  ['u', -6],
  ['m', -3],
  ['', 0],
  ['k', 3],
  ['M', 6],
  ['G', 9],
  ['T', 12],
  ['P', 15],
  ['E', 18],
]);
const LEAST_EXPONENT = -9;
const GREATEST = 2n ** 63n - 1n;
/** Upstream computes with 64 bits up to so many digits, and leaves what is in its form already alone there. */
const FAST_DIGITS = 18;
/** Nobody means more; longer ones stay as they are. */
const MAX_LENGTH = 64;

/** `text` itself where it is no quantity: validation says so. */
export function canonicalQuantity(text: string): string {
  const match = text.length > MAX_LENGTH ? null : FORM.exec(text);
  if (match === null) return text;
  const [, whole = '', behind = '', alone = '', power, binary, suffix = ''] = match;
  const fraction = behind + alone;
  const digits = (whole.replace(/^0+/, '') || '0') + fraction;
  const sign = text.startsWith('-') ? '-' : '';
  if (binary !== undefined) {
    if (fraction === '' && (BigInt(digits) & 7n) !== 0n && isFast(digits, BINARY.indexOf(binary)))
      return text;
    return sign + binaryForm(digits, fraction.length, BINARY.indexOf(binary));
  }
  const exponent = (power === undefined ? (DECIMAL.get(suffix) ?? 0) : Number(power)) - fraction.length;
  if (isWritten(digits, exponent)) return text;
  return sign + decimalForm(BigInt(digits), exponent, power !== undefined);
}

/** In the form that it would be given. */
function isWritten(digits: string, exponent: number): boolean {
  const isWhole = exponent % 3 === 0 && !digits.endsWith('000') && !digits.startsWith('0');
  return isWhole && exponent >= LEAST_EXPONENT && digits.length <= FAST_DIGITS;
}

function isFast(digits: string, thousands: number): boolean {
  return 15 - digits.length - Math.trunc(thousands * 3) - 1 >= 0;
}

function binaryForm(digits: string, fractionDigits: number, thousands: number): string {
  const scaled = BigInt(digits) << BigInt(10 * thousands);
  const unit = 10n ** BigInt(fractionDigits);
  const isExact = scaled % unit === 0n;
  let value = scaled / unit;
  if (value > GREATEST) value = GREATEST;
  else if (!isExact || value < 1024n) return decimalForm(scaled, -fractionDigits, false);
  let power = 0;
  while (value % 1024n === 0n && power < BINARY.length - 1) {
    value /= 1024n;
    power++;
  }
  return `${value}${BINARY[power] ?? ''}`;
}

/** Whole numbers with the greatest exponent of a thousand. */
function decimalForm(digits: bigint, of: number, hasExponent: boolean): string {
  let [value, exponent] = roundedUp(digits, of);
  if (value === 0n) return '0';
  while (value % 10n === 0n) {
    value /= 10n;
    exponent++;
  }
  const over = ((exponent % 3) + 3) % 3;
  value *= 10n ** BigInt(over);
  exponent -= over;
  if (hasExponent) return exponent === 0 ? `${value}` : `${value}e${exponent}`;
  for (const [suffix, its] of DECIMAL) if (its === exponent) return `${value}${suffix}`;
  return `${value}${'0'.repeat(exponent - 18)}E`;
}

/** Nothing is less than a billionth: who asks for some gets some. */
function roundedUp(digits: bigint, exponent: number): [bigint, number] {
  if (exponent >= LEAST_EXPONENT) return [digits, exponent];
  const unit = 10n ** BigInt(LEAST_EXPONENT - exponent);
  return [(digits + unit - 1n) / unit, LEAST_EXPONENT];
}
