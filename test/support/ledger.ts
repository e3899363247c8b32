/**
 * Who should get what, and who got it. A copy is known by its place and its bytes, so that a byte that changed on the way is a
 * mail lost at one line and a stranger at another.
 */
import { createHash } from 'node:crypto';

interface Line {
  readonly place: string;
  readonly label: string;
  readonly bytes: number;
  wanted: number;
  came: number;
  /** Unix milliseconds. */
  firstCame: number;
}

export interface Count {
  readonly wanted: number;
  readonly came: number;
  readonly lost: number;
  readonly twice: number;
  /** Came, but is nothing that was sent: a changed mail, or a report on one. */
  readonly strange: number;
  readonly bytes: number;
}

export class Ledger {
  readonly #lines = new Map<string, Line>();
  readonly #strange: { readonly place: string; readonly label: string }[] = [];

  /** One copy of these bytes shall come to this place. */
  expect(place: string, bytes: Uint8Array, label: string): void {
    const key = keyOf(place, bytes);
    const line = this.#lines.get(key) ?? { place, label, bytes: bytes.byteLength, wanted: 0, came: 0, firstCame: 0 };
    line.wanted++;
    this.#lines.set(key, line);
  }

  /** A copy came, at `time` (Unix milliseconds); answers what it is, or undefined for a stranger. */
  arrive(place: string, bytes: Uint8Array, label: string, time = Date.now()): string | undefined {
    const line = this.#lines.get(keyOf(place, bytes));
    if (line) {
      line.firstCame ||= time;
      line.came++;
    } else this.#strange.push({ place, label });
    return line?.label;
  }

  /** Over all places whose name begins so. */
  count(placePrefix = ''): Count {
    const lines = [...this.#lines.values()].filter(({ place }) => place.startsWith(placePrefix));
    const sum = (value: (line: Line) => number): number => lines.reduce((total, line) => total + value(line), 0);
    return {
      wanted: sum(({ wanted }) => wanted),
      came: sum(({ wanted, came }) => Math.min(wanted, came)),
      lost: sum(({ wanted, came }) => Math.max(0, wanted - came)),
      twice: sum(({ wanted, came }) => Math.max(0, came - wanted)),
      strange: this.#strange.filter(({ place }) => place.startsWith(placePrefix)).length,
      bytes: sum(({ wanted, came, bytes }) => Math.min(wanted, came) * bytes),
    };
  }

  /** What came more often than it should. */
  doubles(): readonly { readonly place: string; readonly label: string; readonly firstCame: number }[] {
    return [...this.#lines.values()].filter(({ wanted, came }) => came > wanted);
  }

  /** One line for each copy that is missing, there twice, or strange. `except`: labels of doubles that have their reason. */
  complaints(except: ReadonlySet<string> = new Set()): readonly string[] {
    const wrong = [...this.#lines.values()].filter(
      ({ wanted, came, label }) => came < wanted || (came > wanted && !except.has(label)),
    );
    return [
      ...wrong.map(({ place, label, wanted, came }) => `${label} for ${place}: wanted ${wanted}, came ${came}`),
      ...this.#strange.map(({ place, label }) => `at ${place}, not what anybody sent: ${label}`),
    ];
  }
}

const keyOf = (place: string, bytes: Uint8Array): string =>
  `${place} ${createHash('sha256').update(bytes).digest('hex')}`;
