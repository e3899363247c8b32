import { networkInterfaces } from 'node:os';
import { afterEach, expect, test } from 'vitest';
import { startQmtp } from '../../agent/qmtp.ts';
import { listEntries, openEntry } from '../../shared/io/maildir.ts';
import { type BareAgent, bareAgent } from '../support/bare-agent.ts';
import { network } from '../support/directory.ts';
import { sendQmtp } from '../support/qmtp-client.ts';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function office(listen: string): Promise<[BareAgent, { host: string; port: number }]> {
  const agent = await bareAgent({ toml: `[listen]\n${listen}\n`, directory: network() });
  closing.push(() => agent.close());
  const [host = '', port] = agent.started(await startQmtp(agent)).split(':');
  return [agent, { host, port: Number(port) }];
}

const mail = (from: string, ...to: readonly string[]) => ({ from, to, body: Buffer.from(`Subject: ${to}\n\nhi\n`) });

test('a qmail beside the agent relays for the whole office, with any sender', async () => {
  const [agent, address] = await office('qmtp = "127.0.0.1:0"');
  const answers = await sendQmtp(address, [
    mail('cron@laptop', 'farid@example.org', 'friend@example.com', 'nobody@example.org'),
  ]);
  expect(answers.map((answer) => answer[0])).toEqual(['K', 'K', 'D']);
  expect(await agent.files('users/farid')).toHaveLength(1);
  const [listed] = await listEntries(agent.store, 'out');
  const entry = await openEntry(agent.store, listed?.key ?? '');
  expect(entry?.head).toMatchObject({ sender: 'cron@laptop', recipients: ['friend@example.com'] });
});

/** An address of this machine that is not its loopback. */
const outside = Object.values(networkInterfaces())
  .flat()
  .find((one) => one?.family === 'IPv4' && !one.internal)?.address;

test.skipIf(!outside)('a stranger reaches the mailboxes here, and nothing else', async () => {
  const [agent, { port }] = await office('qmtp = "0.0.0.0:0"\nlan = "203.0.113.7/32"');
  const answers = await sendQmtp({ host: outside ?? '', port }, [
    mail('hub@example.com', 'farid@example.org', 'friend@example.com', 'nadia@example.org', 'nobody@example.org'),
  ]);
  expect(answers.map((answer) => answer[0])).toEqual(['K', 'D', 'D', 'D']);
  expect(await agent.files('users/farid')).toHaveLength(1);
  expect(await listEntries(agent.store, 'out')).toEqual([]);
});

test.skipIf(!outside)('a host of the named subnet relays', async () => {
  const subnet = `${outside?.replace(/\.\d+$/, '.0')}/24`;
  const [agent, { port }] = await office(`qmtp = "0.0.0.0:0"\nlan = "${subnet}"`);
  expect(await sendQmtp({ host: outside ?? '', port }, [mail('a@example.com', 'friend@example.com')])).toEqual([
    expect.stringMatching(/^K/),
  ]);
  expect(await listEntries(agent.store, 'out')).toHaveLength(1);
});

test.each([
  ['qmtp = "0.0.0.0:0"', /listen\.qmtp = "0\.0\.0\.0:0" can be reached from other machines: name the subnet/],
  ['qmtp = "127.0.0.1:0"\nlan = "10.0.0.1/8"', /listen\.lan: .*bits set behind its prefix: write 10\.0\.0\.0\/8/],
  ['qmtp = "127.0.0.1:0"\nlan = "10.0.0.0/33"', /listen\.lan: the length of "10\.0\.0\.0\/33"/],
  ['qmtp = "127.0.0.1:0"\nlan = "0.0.0.0/0"', /listen\.lan: "0\.0\.0\.0\/0" would trust the whole Internet/],
])('%s stops the start', async (listen, fault) => {
  await expect(office(listen)).rejects.toThrow(fault);
});
