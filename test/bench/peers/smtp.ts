/** Postfix to Postfix with STARTTLS, one connection that is used again, as a careful operator sets it up. Needs root. */
import { chmod, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeCertificate } from '../../support/certificate.ts';
import { CuttingProxy } from '../../support/cutting-proxy.ts';
import { smtpForm } from '../../support/mails.ts';
import { type Postfix, startPostfix } from '../../support/postfix.ts';
import { SmtpSession } from '../../support/smtp-client.ts';
import { peopleOf, SENDER } from '../envelope.ts';
import type { Peer } from '../peer.ts';

const receiver = (folder: string): string => `
smtpd_tls_cert_file = ${folder}/cert.pem
smtpd_tls_key_file = ${folder}/key.pem
smtpd_tls_security_level = encrypt
`;

/** What it takes waits for a call; what a call could not carry waits for the next. */
const SENDER_MORE = `
virtual_mailbox_domains =
smtpd_recipient_restrictions = check_recipient_access static:HOLD, permit_mynetworks, reject
smtp_tls_security_level = encrypt
smtp_tls_connection_reuse = yes
smtp_destination_concurrency_limit = 1
smtp_line_length_limit = 0
smtp_connection_reuse_time_limit = 3000s
minimal_backoff_time = 3000s
maximal_backoff_time = 4000s
queue_run_delay = 3000s
`;

const QUIET_POLLS = 8;
const POLL_MS = 150;

/** Flushes the queue and waits until nothing is on its way; whether it is empty then. */
async function flush(office: Postfix): Promise<boolean> {
  const release = async (): Promise<void> => {
    await office.command('postsuper', '-H', 'ALL');
    await office.command('postqueue', '-f');
  };
  await release();
  for (let quiet = 0; quiet < QUIET_POLLS; ) {
    await sleep(POLL_MS);
    const waiting = await office.command('postqueue', '-j');
    if (waiting === '') return true;
    // What had been taken just before is held a moment later.
    if (waiting.includes('"queue_name": "hold"')) await release();
    quiet = /"queue_name": "(?:active|incoming|hold)"/.test(waiting) ? 0 : quiet + 1;
  }
  return false;
}

export const smtp: Peer = {
  name: 'Postfix STARTTLS',
  encrypted: true,
  needs: ['/usr/sbin/postfix', '/usr/bin/openssl'],
  open: async (folder) => {
    await chmod(folder, 0o755);
    makeCertificate(folder);
    for (const end of ['hub', 'office']) await mkdir(join(folder, end));
    const hub = await startPostfix({ folder: join(folder, 'hub'), more: receiver(folder) });
    const proxy = await CuttingProxy.open(`127.0.0.1:${hub.port}`);
    const office = await startPostfix({ folder: join(folder, 'office'), relayTo: proxy.port, more: SENDER_MORE });
    return {
      proxy,
      post: async (mails, people) => {
        if (mails.length === 0) return;
        const session = await SmtpSession.open({ host: '127.0.0.1', port: office.port });
        for (const mail of mails)
          await session.send({ from: SENDER, to: [...peopleOf(people)], wire: smtpForm(mail).wire });
        await session.close();
      },
      call: () => flush(office),
      isEmpty: async () => (await office.command('postqueue', '-j')) === '',
      delivered: async () => Promise.all((await hub.delivered()).map((file) => readFile(file))),
      close: async () => {
        await proxy.close();
        for (const end of [office, hub]) await end.stop();
      },
    };
  },
};
