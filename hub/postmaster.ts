/** A word to postmaster, from the hub itself. */
import { digest } from '../shared/core/mail-id.ts';
import { mailDate } from '../shared/core/trace.ts';
import { sendNotice } from '../shared/io/notice.ts';
import type { Hub } from './hub.ts';

export interface Word {
  /** What it is about, so that the same is said once, whichever hub says it, and whenever it stopped. */
  readonly about: readonly string[];
  readonly subject: string;
  readonly lines: readonly string[];
}

/** False: it could not be kept, and is to be said again later. */
export async function tellPostmaster(hub: Hub, { about, subject, lines }: Word): Promise<boolean> {
  const { config, log, place, now } = hub;
  const recipient = config.postmaster ?? `postmaster@${config.domain}`;
  const id = digest(about);
  const mail = [
    `From: Mail delivery <MAILER-DAEMON@${config.hostname}>`,
    `To: <${recipient}>`,
    `Subject: ${subject}`,
    `Date: ${mailDate(now())}`,
    `Message-ID: <${id.slice(0, 32)}@${config.hostname}>`,
    'Auto-Submitted: auto-generated',
    '',
    ...lines,
    '',
  ];
  const { letter, text } = await sendNotice(place, { id, recipient, bytes: Buffer.from(mail.join('\n')), now: now() });
  if (letter === 'D') log.warn('postmaster cannot be told: set `postmaster`', { recipient, reason: text });
  return letter !== 'Z';
}
