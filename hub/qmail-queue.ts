/**
 * Mail that waits in the Maildirs of a qmail, taken over. The files stay: their names and bytes make the ids, so taking them again takes
 * nothing twice.
 */
import { lstat, readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { QUEUE_HEAD_BYTES_MAX, readQueueHead } from '../shared/core/queue-file.ts';
import { accept } from '../shared/io/accept.ts';
import { readBody, sliceBody } from '../shared/io/body.ts';
import { fileBody } from '../shared/io/file-body.ts';
import { Intake } from '../shared/io/intake.ts';
import type { Hub } from './hub.ts';
import type { QmailOffice } from './qmail-plan.ts';

export interface Taken {
  mails: number;
  /** Files that were not taken, with the reason. */
  readonly left: string[];
}

const PEER = { name: 'queue', relays: true } as const;

/** Files of a queue's new/ and cur/. */
export async function queueFiles({ maildir }: QmailOffice): Promise<readonly string[]> {
  if (maildir === undefined) return [];
  const found = await Promise.all(
    ['new', 'cur'].map(async (part) => {
      const names = await readdir(join(maildir, part)).catch(() => []);
      return names.filter((name) => !name.startsWith('.')).map((name) => join(maildir, part, name));
    }),
  );
  return found.flat().sort();
}

export async function takeQueue(hub: Hub, office: QmailOffice): Promise<Taken> {
  const taken: Taken = { mails: 0, left: [] };
  for (const path of await queueFiles(office)) {
    const reason = await takeFile(hub, path, office.prefix);
    if (reason === undefined) taken.mails += 1;
    else taken.left.push(`${path}: ${reason}`);
  }
  return taken;
}

/** Answers why it was not taken. */
async function takeFile(hub: Hub, path: string, prefix: string): Promise<string | undefined> {
  const stat = await lstat(path);
  if (!stat.isFile()) return 'it is not a file';
  const whole = fileBody(path, stat.size);
  const head = readQueueHead(await readBody(sliceBody(whole, 0, Math.min(whole.size, QUEUE_HEAD_BYTES_MAX))), prefix);
  if (typeof head === 'string') return head;
  const { place, spool, config } = hub;
  const trace = { protocol: 'local', hostname: place.hostname, now: hub.now() };
  const intake = new Intake({ spool, bytesMax: config.limits.mail, trace });
  try {
    for await (const chunk of sliceBody(whole, head.length).read()) await intake.write(chunk);
    const { sender, recipient } = head;
    const file = basename(path).replace(/:2,[A-Za-z]*$/, '');
    const arrival = await intake.finish({ peer: PEER, sender, recipients: [recipient], file });
    const [verdict] = await accept(place, arrival, hub.now());
    return verdict?.letter === 'K' ? undefined : (verdict?.text ?? 'nobody to give it to');
  } finally {
    await intake.discard();
  }
}
