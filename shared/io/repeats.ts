/**
 * Says what happens again and again once, and how often it was when the time is over: whoever can make a program write a line can
 * else fill its disk, and hide what matters among the lines.
 */
import type { Log } from './log.ts';

const SILENCE_MS = 600_000;
/** Different things at once; what is more is only counted. */
const KEYS_MAX = 1_000;

interface Said {
  again: number;
  readonly timer: NodeJS.Timeout;
}

export class Repeats {
  readonly #log: Log;
  readonly #silenceMs: number;
  readonly #said = new Map<string, Said>();

  constructor(log: Log, silenceMs = SILENCE_MS) {
    this.#log = log;
    this.#silenceMs = silenceMs;
  }

  /** `key`: what makes it the same again, beside the event; such as the host that it is about. */
  warn(event: string, key: string, fields: Readonly<Record<string, string | number | undefined>> = {}): void {
    const name = this.#said.size < KEYS_MAX || this.#said.has(`${event} ${key}`) ? `${event} ${key}` : event;
    const before = this.#said.get(name);
    if (before) {
      before.again += 1;
      return;
    }
    this.#log.warn(event, fields);
    const timer = setTimeout(() => this.#sum(event, name, fields), this.#silenceMs);
    timer.unref();
    this.#said.set(name, { again: 0, timer });
  }

  #sum(event: string, name: string, fields: Readonly<Record<string, string | number | undefined>>): void {
    const again = this.#said.get(name)?.again ?? 0;
    this.#said.delete(name);
    if (again > 0) this.#log.warn(event, { ...fields, again });
  }
}
