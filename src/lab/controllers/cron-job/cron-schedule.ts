// Cron expressions of five fields, as CronJobs carry them: what they mean and when they are due next. Pure; UTC unless a zone is given.

import { FairleadError } from '../../../base/errors.ts';

/** Values that match, per field; minute, hour, day of month, month, day of week (0 is Sunday). */
export interface CronSchedule {
  readonly minutes: ReadonlySet<number>;
  readonly hours: ReadonlySet<number>;
  readonly days: ReadonlySet<number>;
  readonly months: ReadonlySet<number>;
  readonly weekdays: ReadonlySet<number>;
  /** Where both kinds of day are restricted, either suffices (crontab(5)). */
  readonly isEitherDay: boolean;
}

const MACROS: Readonly<Record<string, string>> = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
};
const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const WEEKDAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
const MINUTE_MS = 60_000;
/** Four years hold every date that exists, the 29th of February too; eight also cover a century without it. */
const MAX_DAYS = 8 * 366;

/** Throws `invalid` naming the field. */
export function parseCron(text: string): CronSchedule {
  const fields = (MACROS[text.trim()] ?? text.trim()).split(/\s+/);
  if (fields.length !== 5) throw unreadable(text, `${fields.length} fields, not 5`);
  const [minute = '', hour = '', day = '', month = '', weekday = ''] = fields;
  const read = (field: string, range: readonly [number, number], names: readonly string[] = []) =>
    fieldValues(text, field, { low: range[0], high: range[1], names });
  const weekdays = [...read(weekday, [0, 7], WEEKDAYS)].map((value) => value % 7);
  return {
    minutes: read(minute, [0, 59]),
    hours: read(hour, [0, 23]),
    days: read(day, [1, 31]),
    months: read(month, [1, 12], MONTHS),
    weekdays: new Set(weekdays),
    isEitherDay: !day.startsWith('*') && !weekday.startsWith('*'),
  };
}

/** The first due minute after `afterMs`; undefined where there is none within eight years ("31 February"). */
export function nextDueMs(schedule: CronSchedule, afterMs: number): number | undefined {
  let day = new Date(Math.floor(afterMs / MINUTE_MS) * MINUTE_MS + MINUTE_MS);
  for (let i = 0; i < MAX_DAYS; i++) {
    const due = isDueDay(schedule, day) ? firstTime(schedule, day) : undefined;
    if (due !== undefined) return due;
    day = new Date(Date.UTC(day.getUTCFullYear(), day.getUTCMonth(), day.getUTCDate() + 1));
  }
  return undefined;
}

function isDueDay({ days, months, weekdays, isEitherDay }: CronSchedule, date: Date): boolean {
  if (!months.has(date.getUTCMonth() + 1)) return false;
  const [isDay, isWeekday] = [days.has(date.getUTCDate()), weekdays.has(date.getUTCDay())];
  return isEitherDay ? isDay || isWeekday : isDay && isWeekday;
}

/** The first matching minute of the day from `from` on. */
function firstTime({ hours, minutes }: CronSchedule, from: Date): number | undefined {
  for (let hour = from.getUTCHours(); hour < 24; hour++) {
    if (!hours.has(hour)) continue;
    const start = hour === from.getUTCHours() ? from.getUTCMinutes() : 0;
    for (let minute = start; minute < 60; minute++) {
      if (!minutes.has(minute)) continue;
      return Date.UTC(from.getUTCFullYear(), from.getUTCMonth(), from.getUTCDate(), hour, minute);
    }
  }
  return undefined;
}

interface Range {
  readonly low: number;
  readonly high: number;
  readonly names: readonly string[];
}

function fieldValues(text: string, field: string, range: Range): ReadonlySet<number> {
  return new Set(field.split(',').flatMap((part) => partValues(text, part, range)));
}

function partValues(text: string, part: string, range: Range): readonly number[] {
  const match = /^(\*|\?|[\da-z]+)(?:-([\da-z]+))?(?:\/(\d+))?$/i.exec(part);
  const [, first = '', last, step] = match ?? [];
  const isAll = first === '*' || first === '?';
  const from = isAll ? range.low : valueOf(first, range);
  const to = last === undefined ? (isAll || step !== undefined ? range.high : from) : valueOf(last, range);
  const by = Number(step ?? '1');
  if (match === null || !(from >= range.low && to <= range.high && from <= to && by >= 1)) {
    throw unreadable(text, `"${part}" is not within ${range.low} to ${range.high}`);
  }
  return Array.from({ length: Math.floor((to - from) / by) + 1 }, (_, i) => from + i * by);
}

function valueOf(text: string, { low, names }: Range): number {
  const named = names.indexOf(text.toLowerCase());
  return named >= 0 ? named + low : /^\d+$/.test(text) ? Number(text) : NaN;
}

function unreadable(text: string, because: string): FairleadError {
  return new FairleadError('invalid', `Cannot read schedule "${text}": ${because}`);
}
