/** `/metrics` of the admin port, in Prometheus' text form: what `hub status` says, for a machine to watch. */
import { statfs } from 'node:fs/promises';
import { countMaildir, type MaildirCount } from '../shared/io/maildir.ts';
import { StoreError } from '../shared/io/store.ts';
import { certificateEnds } from './certificate.ts';
import { type Carried, type Contact, readContact } from './contact.ts';
import type { Hub } from './hub.ts';
import { dataFolder } from './open-hub.ts';
import { isOnLine } from './running-trips.ts';

type Labels = Readonly<Record<string, string>>;

class Page {
  readonly #families = new Map<string, string[]>();

  /** One value; the family is described where it is first named. */
  put(name: string, [type, help]: readonly ['gauge' | 'counter', string], value: number, labels: Labels = {}): void {
    const family = this.#families.get(name) ?? [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`];
    const pairs = Object.entries(labels).map(([key, text]) => `${key}=${JSON.stringify(text)}`);
    family.push(`${name}${pairs.length > 0 ? `{${pairs.join(',')}}` : ''} ${value}`);
    this.#families.set(name, family);
  }

  toString(): string {
    return `${[...this.#families.values()].flat().join('\n')}\n`;
  }
}

/** A look costs a listing of every maildir: whoever asks more often gets the last one. */
const FRESH_MS = 15_000;

/** How to get the page. */
export function makeMetrics(hub: Hub): () => Promise<string> {
  let page: { readonly text: Promise<string>; readonly until: number } | undefined;
  return () => {
    const now = performance.now();
    if (!page || page.until < now) {
      const text = collect(hub);
      page = { text, until: now + FRESH_MS };
      text.catch(() => (page = undefined));
    }
    return page.text;
  };
}

async function collect(hub: Hub): Promise<string> {
  const page = new Page();
  await hub.directory.refresh();
  for (const { name, revoked } of hub.directory.current.offices.values()) {
    if (revoked) continue;
    office(page, hub, {
      name,
      waiting: await countMaildir(hub.store, `office/${name}`),
      contact: await readContact(hub, name),
    });
  }
  queue(page, hub, 'internet', await countMaildir(hub.store, 'internet'));
  await machine(page, hub);
  return String(page);
}

interface Seen {
  readonly name: string;
  readonly waiting: MaildirCount;
  readonly contact: Contact | undefined;
}

function office(page: Page, hub: Hub, { name, waiting, contact }: Seen): void {
  const labels = { office: name };
  queue(page, hub, name, waiting);
  page.put('fieldpost_office_on_line', ['gauge', 'Whether a trip runs now.'], isOnLine(hub, name) ? 1 : 0, labels);
  if (!contact) return;
  page.put(
    'fieldpost_office_last_contact_seconds',
    ['gauge', 'Unix time of the end of the last trip.'],
    contact.time,
    labels,
  );
  page.put(
    'fieldpost_office_last_trip_ok',
    ['gauge', 'Whether the last trip was complete.'],
    contact.trouble === undefined ? 1 : 0,
    labels,
  );
  for (const [metric, [help, sides]] of Object.entries(COUNTERS))
    for (const [label, field] of Object.entries(sides)) {
      const sum = contact.months.reduce((total, [, carried]) => total + carried[field], 0);
      page.put(metric, ['counter', help], sum, { ...labels, ...(label === '' ? {} : { direction: label }) });
    }
}

/** Over the months that the hub keeps. */
const COUNTERS: Readonly<Record<string, readonly [string, Readonly<Record<string, keyof Carried>>]>> = {
  fieldpost_office_trips_total: ['Trips.', { '': 'trips' }],
  fieldpost_office_trip_seconds_total: ['Seconds on line.', { '': 'seconds' }],
  fieldpost_office_resumed_total: ['Frames that went on where a trip was cut.', { '': 'resumed' }],
  fieldpost_office_mails_total: ['Mails.', { up: 'mailsUp', down: 'mailsDown' }],
  fieldpost_office_mail_bytes_total: ['Bytes of mails as they are.', { up: 'bytesRawUp', down: 'bytesRawDown' }],
  fieldpost_office_line_bytes_total: [
    'Bytes that the line carried, handshakes included.',
    { up: 'bytesWireUp', down: 'bytesWireDown' },
  ],
};

function queue(page: Page, hub: Hub, name: string, { mails, bytes, oldest }: MaildirCount): void {
  const labels = { queue: name };
  page.put('fieldpost_waiting_mails', ['gauge', 'Mails that wait.'], mails, labels);
  page.put('fieldpost_waiting_bytes', ['gauge', 'Bytes of mails that wait.'], bytes, labels);
  const age = oldest === undefined ? 0 : Math.max(0, hub.now() - oldest);
  page.put('fieldpost_waiting_oldest_seconds', ['gauge', 'Age of the oldest mail that waits; 0: none.'], age, labels);
}

async function machine(page: Page, hub: Hub): Promise<void> {
  page.put('fieldpost_memory_bytes', ['gauge', 'Resident memory of the hub.'], process.memoryUsage.rss());
  const { bavail, bsize } = await statfs(dataFolder(hub.config));
  page.put('fieldpost_disk_free_bytes', ['gauge', 'Free space where the hub keeps its data folder.'], bavail * bsize);
  const ends = await certificateEnds(hub.config);
  if (ends !== undefined)
    page.put(
      'fieldpost_certificate_ends_seconds',
      ['gauge', 'Unix time when the certificate of [tls] runs out.'],
      ends,
    );
}

/** A page, or what there is instead. */
export async function metricsAnswer(page: () => Promise<string>): Promise<Response> {
  try {
    return new Response(await page(), { headers: { 'content-type': 'text/plain; version=0.0.4' } });
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    return new Response(`the store does not answer: ${error.message}\n`, { status: 503 });
  }
}
