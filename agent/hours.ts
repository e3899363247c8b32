/** The hours in which a link may be used: `22:00-06:00`, by the laptop's time zone and the hub's clock. */

const HOURS = /^([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)$/;

export interface Hours {
  /** Minutes of the day. */
  readonly from: number;
  /** The first minute that is outside; before `from` when the hours go over midnight. */
  readonly to: number;
}

/** Undefined for what is no such text, or for hours without a minute in them. */
export function parseHours(text: string): Hours | undefined {
  const [, ...parts] = HOURS.exec(text) ?? [];
  const [fromHour, fromMinute, toHour, toMinute] = parts.map(Number);
  if (fromHour === undefined || fromMinute === undefined || toHour === undefined || toMinute === undefined)
    return undefined;
  const hours = { from: fromHour * 60 + fromMinute, to: toHour * 60 + toMinute };
  return hours.from === hours.to ? undefined : hours;
}

/** When the link may be used next: undefined for now, else the text of its next opening, such as `22:00`. */
export function closedUntil(hours: readonly Hours[], minute: number): string | undefined {
  if (hours.length === 0 || hours.some((one) => holds(one, minute))) return undefined;
  const wait = (from: number): number => (from - minute + 1_440) % 1_440;
  const next = Math.min(...hours.map(({ from }) => wait(from)));
  const opens = (minute + next) % 1_440;
  return `${String(Math.floor(opens / 60)).padStart(2, '0')}:${String(opens % 60).padStart(2, '0')}`;
}

const holds = ({ from, to }: Hours, minute: number): boolean =>
  from < to ? minute >= from && minute < to : minute >= from || minute < to;
