/**
 * Alerts: what an operator wants to hear of before somebody calls. An office that is silent for longer than is its habit, a queue to the
 * Internet that does not move, a certificate or a disk that runs out. Each is said once, and again when it has been well in
 * between, or has lasted for a week more.
 */
import { statfs } from 'node:fs/promises';
import * as z from 'zod/mini';
import { mailDate } from '../shared/core/trace.ts';
import { readBody, textBody } from '../shared/io/body.ts';
import { countMaildir } from '../shared/io/maildir.ts';
import { certificateEnds } from './certificate.ts';
import { readContact } from './contact.ts';
import type { Hub } from './hub.ts';
import { dataFolder } from './open-hub.ts';
import { tellPostmaster } from './postmaster.ts';

export interface Alert {
  /** What it is about; the same as long as it lasts. */
  readonly name: string;
  readonly subject: string;
  readonly lines: readonly string[];
}

const DAY = 86_400;
/** An office that calls each hour may have an evening off. */
const SILENCE_SECONDS_MIN = DAY;
/** Its longest silence so far, and half as long again. */
const HABIT_FACTOR = 1.5;
const INTERNET_SECONDS_MAX = 6 * 3_600;
const CERTIFICATE_DAYS = 14;
const DISK_SHARE_MIN = 0.1;
const AGAIN_SECONDS = 7 * DAY;

/** What is to be said now. */
export async function findAlerts(hub: Hub): Promise<readonly Alert[]> {
  const found: (Alert | undefined)[] = [];
  for (const { name, revoked } of hub.directory.current.offices.values())
    if (!revoked) found.push(await silence(hub, name));
  found.push(await standstill(hub), await certificate(hub), await disk(hub));
  return found.filter((alert) => alert !== undefined);
}

async function silence(hub: Hub, office: string): Promise<Alert | undefined> {
  const contact = await readContact(hub, office);
  if (!contact || contact.calls.length < 3) return undefined;
  const gaps = contact.calls.slice(1).map((time, index) => time - (contact.calls[index] ?? time));
  const habit = Math.max(SILENCE_SECONDS_MIN, HABIT_FACTOR * Math.max(...gaps));
  const silent = hub.now() - contact.time;
  if (silent <= habit) return undefined;
  return {
    name: `silent ${office} ${contact.time}`,
    subject: `Office ${office} has not called for ${duration(silent)}`,
    lines: [
      `Office ${office} called last on ${mailDate(contact.time)}. Its longest silence of late was ${duration(Math.max(...gaps))}.`,
      contact.trouble === undefined ? 'Its last trip was complete.' : `Its last trip ended early: ${contact.trouble}.`,
      `Mail for it is kept. 'hub office show ${office}' shows what waits.`,
    ],
  };
}

async function standstill(hub: Hub): Promise<Alert | undefined> {
  const { mails, oldest } = await countMaildir(hub.store, 'internet');
  if (oldest === undefined || hub.now() - oldest <= INTERNET_SECONDS_MAX) return undefined;
  return {
    name: 'internet',
    subject: `${mails === 1 ? '1 mail waits' : `${mails} mails wait`} for the Internet`,
    lines: [
      `The oldest has waited since ${mailDate(oldest)}.`,
      "'hub queue internet' lists them and says why; they are tried again by themselves, and go back to their senders in the end.",
    ],
  };
}

async function certificate(hub: Hub): Promise<Alert | undefined> {
  const ends = await certificateEnds(hub.config);
  if (ends === undefined || ends - hub.now() > CERTIFICATE_DAYS * DAY) return undefined;
  return {
    name: `certificate ${ends}`,
    subject: `The certificate of ${hub.config.hostname} runs out`,
    lines: [
      `It is good until ${mailDate(ends)}. Renew it ('certbot renew'); the hub sees the new one by itself.`,
      'Offices need no certificate; other mail servers and browsers do.',
    ],
  };
}

async function disk(hub: Hub): Promise<Alert | undefined> {
  const folder = dataFolder(hub.config);
  const { bavail, blocks, bsize } = await statfs(folder);
  if (bavail / blocks >= DISK_SHARE_MIN) return undefined;
  return {
    name: 'disk',
    subject: `The disk of ${hub.config.hostname} is nearly full`,
    lines: [
      `${Math.floor((bavail * bsize) / 1e6)} MB are left where ${folder} is. When it is full, mail is answered with "try again later"; nothing is lost.`,
    ],
  };
}

const duration = (seconds: number): string =>
  seconds < 2 * DAY ? `${Math.ceil(seconds / 3_600)} hours` : `${Math.ceil(seconds / DAY)} days`;

/** When each was said last, by name. */
export const SAID = z.array(z.tuple([z.string(), z.number()]));
const SAID_KEY = 'alerts';

/** Finds what there is, and says what has not been said. */
export async function sayAlerts(hub: Hub): Promise<void> {
  const alerts = await findAlerts(hub);
  const body = await hub.store.get(SAID_KEY);
  const said = new Map(body ? SAID.parse(JSON.parse((await readBody(body)).toString())) : []);
  const now = hub.now();
  const after = new Map<string, number>();
  for (const { name, subject, lines } of alerts) {
    const last = said.get(name);
    const due = last === undefined || now - last >= AGAIN_SECONDS;
    const day = String(Math.floor(now / DAY));
    if (!due) after.set(name, last);
    else if (await tellPostmaster(hub, { about: ['alert', name, day], subject, lines })) {
      after.set(name, now);
      hub.log.warn('postmaster is told', { subject });
    }
  }
  if (JSON.stringify([...after]) !== JSON.stringify([...said]))
    await hub.store.put(SAID_KEY, textBody(JSON.stringify([...after])));
}
