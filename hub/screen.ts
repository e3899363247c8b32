/**
 * What strangers bring is looked at before it is accepted: on the link a spam costs as much as a letter. Refused is what the
 * author's own domain disowns (DMARC) and what rspamd is sure of; what it only suspects goes by the office's choice: marked and
 * sent last, held, or refused. A mail that is refused was never accepted, so its server tells its sender.
 */
import { JUNK } from '../shared/core/entry.ts';
import { deferred, refused, type Verdict } from '../shared/core/verdict.ts';
import type { Body } from '../shared/io/body.ts';
import type { Mark, SmtpMail } from '../shared/io/smtp-data.ts';
import { authentic } from './authentic.ts';
import type { Hub } from './hub.ts';
import { askRspamd, type Opinion } from './rspamd.ts';

/** Spam is small; what is larger is not read through twice more. */
const SCREENED_BYTES_MAX = 20_000_000;

export type Screen = (mail: SmtpMail, body: Body) => Promise<Verdict | Mark | undefined>;

/** Undefined when there is no `[screen]`. */
export function makeScreen(hub: Hub): Screen | undefined {
  const { screen } = hub.config;
  if (!screen) return undefined;
  const rspamd = screen.rspamd === undefined ? undefined : asking(hub, screen.rspamd);
  return async (mail, body) => {
    if (mail.peer.relays || body.size > SCREENED_BYTES_MAX) return undefined;
    const disowned = screen.dmarc ? await ofDmarc(hub, mail, body) : undefined;
    if (disowned && 'letter' in disowned) return disowned;
    const opinion = await rspamd?.(mail, body);
    if (opinion?.action === 'reject') return refused('the mail was taken for spam (#5.7.1)');
    if (opinion?.action === 'soft reject' || opinion?.action === 'greylist')
      return deferred('not yet; try again later (#4.7.1)');
    const why = suspicion(opinion) ?? disowned?.suspicion;
    if (why === undefined) return undefined;
    if (refusedByAll(hub, mail)) return refused(`the mail was taken for spam: ${why} (#5.7.1)`);
    hub.log.info('a mail is taken for spam: it is marked, and goes last', { sender: mail.sender, why });
    return { line: `X-Spam: yes (${why})\n`, urgency: JUNK };
  };
}

const suspicion = (opinion: Opinion | undefined): string | undefined =>
  opinion?.action === 'add header' || opinion?.action === 'rewrite subject'
    ? `score ${opinion.score.toFixed(1)} of ${opinion.required_score}`
    : undefined;

async function ofDmarc(
  { config, log }: Hub,
  { sender, address, helo }: SmtpMail,
  body: Body,
): Promise<Verdict | { readonly suspicion: string } | undefined> {
  try {
    const found = await authentic(config.hostname, { sender, address, helo }, body);
    if (found?.result !== 'fail' || found.policy === 'none') return undefined;
    if (found.policy === 'quarantine') return { suspicion: `${found.domain} disowns it` };
    return refused(`${found.domain} asks that mail which does not prove to come from there be refused: DMARC (#5.7.1)`);
  } catch (error) {
    log.warn('SPF, DKIM and DMARC of a mail could not be checked; it goes on', { sender, error: String(error) });
    return undefined;
  }
}

/** Each office that it would go to wants such mail refused. For others it is accepted, and SMTP has one answer for all. */
function refusedByAll({ directory, place }: Hub, { peer, sender, recipients }: SmtpMail): boolean {
  const maildirs = recipients.flatMap((recipient) =>
    place.route(peer, sender, recipient).deliveries.map(({ maildir }) => maildir),
  );
  return maildirs.every((maildir) => {
    const office = /^office\/(.+)$/.exec(maildir)?.[1];
    return office !== undefined && directory.office(office)?.limits.spam === 'refuse';
  });
}

/** An rspamd that is away stops no mail; it is said once. */
function asking(hub: Hub, url: string): (mail: SmtpMail, body: Body) => Promise<Opinion | undefined> {
  let away = false;
  return async (mail, body) => {
    try {
      const opinion = await askRspamd(url, mail, body);
      if (away) hub.log.info('rspamd answers again', { url });
      away = false;
      return opinion;
    } catch (error) {
      if (!away) hub.log.warn('rspamd does not answer: mail goes on unseen', { url, error: String(error) });
      away = true;
      return undefined;
    }
  };
}
