/** Puts a mail in at each kind of door, as whoever stands before that door does. */
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Network } from '../support/network.ts';
import { done } from '../support/program.ts';
import { sendQmtp } from '../support/qmtp-client.ts';
import type { OfficeSite } from '../support/sites.ts';
import { SmtpSession } from '../support/smtp-client.ts';
import type { Sending } from './flows.ts';

const QUEUE_PREFIX = 'qrelay-';

const queueFolder = (demo: string): string => join(demo, 'herat', 'qrelay', 'MAILDIR');

/** The lines of herat's agent.toml for the Maildir that its qmail fills. */
export const queueTable = (demo: string): string =>
  `[[queue]]\npath = "${queueFolder(demo)}"\nprefix = "${QUEUE_PREFIX}"\n`;

/** Hands in all mails of one flow, in order. Throws when one is not taken. `demo`: the folder of it all. */
export async function putIn(network: Network, sendings: readonly Sending[], demo: string): Promise<void> {
  const { door, office: name = 'herat' } = (sendings[0] as Sending).flow;
  const office = network.offices.get(name) as OfficeSite;
  if (door === 'hub-smtp') await bySmtp(network.hub.daemon.address('smtp'), sendings);
  if (door === 'office-smtp') await bySmtp(office.daemon.address('smtp'), sendings);
  if (door === 'hub-qmtp') await byQmtp(network.hub.daemon.address('qmtp'), sendings);
  if (door === 'office-qmtp') await byQmtp(office.daemon.address('qmtp'), sendings);
  if (door === 'office-send') for (const sending of sendings) await bySend(office, sending);
  if (door === 'office-queue') await intoMaildir(queueFolder(demo), sendings);
}

interface Address {
  readonly host: string;
  readonly port: number;
}

async function bySmtp(address: Address, sendings: readonly Sending[]): Promise<void> {
  const session = await SmtpSession.open(address);
  for (const { flow, wire, name } of sendings) {
    const { code, text } = await session.send({ from: flow.from, to: [flow.to], wire });
    if (code !== 250) throw new Error(`${name} was not taken: ${code} ${text}`);
  }
  await session.close();
}

async function byQmtp(address: Address, sendings: readonly Sending[]): Promise<void> {
  const answers = await sendQmtp(
    address,
    sendings.map(({ flow, wire }) => ({ from: flow.from, to: [flow.to], body: wire })),
  );
  const refused = answers.find((answer) => !answer.startsWith('K'));
  if (refused) throw new Error(`a mail was not taken: ${refused}`);
}

async function bySend(office: OfficeSite, { flow, wire }: Sending): Promise<void> {
  done(await office.command(['send', '-f', flow.from, flow.to], { input: wire }));
}

/** What qmail does with `:qrelay` in control/virtualdomains: a Maildir file with the envelope in two lines. */
async function intoMaildir(folder: string, sendings: readonly Sending[]): Promise<void> {
  for (const part of ['tmp', 'new', 'cur']) await mkdir(join(folder, part), { recursive: true });
  for (const [index, { flow, wire }] of sendings.entries()) {
    const file = `${1_095_379_200 + index}.${process.pid}.herat`;
    const head = `Return-Path: <${flow.from}>\nDelivered-To: ${QUEUE_PREFIX}${flow.to}\n`;
    await writeFile(join(folder, 'tmp', file), Buffer.concat([Buffer.from(head), wire]));
    await rename(join(folder, 'tmp', file), join(folder, 'new', file));
  }
}
