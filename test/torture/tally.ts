/** Who was promised what, and who got it. A mail is known by a word in its subject, and compared byte for byte. */
interface Copy {
  readonly token: string;
  readonly place: string;
  readonly body: string;
  accepted: boolean;
  /** Unix milliseconds of each arrival. */
  readonly came: number[];
}

export interface Result {
  readonly promised: number;
  readonly arrived: number;
  readonly lost: readonly string[];
  /** Outside the windows that DESIGN.md names. */
  readonly doubled: readonly string[];
  /** Inside, with the reason. */
  readonly inWindow: readonly string[];
  /** At a place where nobody sent it, or not as it was sent. */
  readonly foreign: readonly string[];
}

const INTERNET = 'internet';

export class Tally {
  readonly #copies = new Map<string, Copy>();
  readonly #foreign: string[] = [];
  readonly #handed = { mails: 0 };

  /** Before a mail is handed in for the first time. */
  announce(token: string, places: readonly string[], body: string): void {
    this.#handed.mails += 1;
    for (const place of places)
      this.#copies.set(`${token} ${place}`, { token, place, body, accepted: false, came: [] });
  }

  /** The door has said yes. */
  accept(token: string, places: readonly string[]): void {
    for (const place of places) {
      const copy = this.#copies.get(`${token} ${place}`);
      if (copy) copy.accepted = true;
    }
  }

  arrive(place: string, mail: Buffer): void {
    const text = mail.toString('latin1').replaceAll('\r\n', '\n');
    const token = /^Subject: torture (\S+)$/m.exec(text)?.[1];
    const copy = this.#copies.get(`${token} ${place}`);
    if (!copy) return void this.#foreign.push(`${place}: ${text.slice(0, 400)}`);
    if (text.slice(text.indexOf('\n\n') + 2) !== copy.body)
      this.#foreign.push(`${place}: ${token} was changed on its way`);
    copy.came.push(Date.now());
  }

  /** Promised, and not there yet. */
  get missing(): number {
    return [...this.#copies.values()].filter(({ accepted, came }) => accepted && came.length === 0).length;
  }

  get arrived(): number {
    return [...this.#copies.values()].filter(({ came }) => came.length > 0).length;
  }

  /** `reasonOf`: why a mail that the Internet took then may come there again. */
  result(reasonOf: (time: number) => string | undefined): Result {
    const all = [...this.#copies.values()];
    const twice = all.filter(({ came }) => came.length > 1);
    const reasons = twice.map((copy) => ({
      copy,
      reason: copy.place === INTERNET ? copy.came.slice(0, -1).map(reasonOf).find(Boolean) : undefined,
    }));
    const say = ({ token, place, came }: Copy): string =>
      `${token} at ${place}: ${came.length} times, ${came.map((time) => new Date(time).toISOString()).join(', ')}`;
    return {
      promised: all.filter(({ accepted }) => accepted).length,
      arrived: all.filter(({ accepted, came }) => accepted && came.length > 0).length,
      lost: all
        .filter(({ accepted, came }) => accepted && came.length === 0)
        .map(({ token, place }) => `${token} for ${place}`),
      doubled: reasons.filter(({ reason }) => reason === undefined).map(({ copy }) => say(copy)),
      inWindow: reasons.flatMap(({ copy, reason }) => (reason === undefined ? [] : [`${say(copy)}: ${reason}`])),
      foreign: this.#foreign,
    };
  }
}
