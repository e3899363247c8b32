import { getServers, setServers } from 'node:dns';
import { afterEach, expect, test } from 'vitest';
import { Destinations, type Outcome } from '../../hub/destinations.ts';
import { bodyForm } from '../../hub/smtp-exact.ts';
import { textBody } from '../../shared/io/body.ts';
import { startDnsServer } from '../support/dns-server.ts';
import { type SinkOptions, type SmtpSink, startSmtpSink } from '../support/smtp-sink.ts';

const before = getServers();
const closing: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  setServers(before);
  for (const close of closing.splice(0).reverse()) await close();
});

const BODY = textBody('Subject: t\n\nhello\n');

/** Mail hosts 127.0.0.2, 127.0.0.3 … of example.com, by preference, on one port; undefined is a host where nothing listens. */
async function mailHosts(hosts: readonly (SinkOptions | undefined)[]) {
  const sinks: (SmtpSink | undefined)[] = [];
  let port = 0;
  for (const [index, options] of hosts.entries()) {
    const sink = options && (await startSmtpSink({ ...options, host: `127.0.0.${index + 2}`, port }));
    port ||= sink?.port ?? 0;
    sinks.push(sink);
    closing.push(async () => sink?.close());
  }
  const dns = await startDnsServer({
    'example.com': { mx: hosts.map((_, index) => `${index * 10} mx${index}.test`) },
    ...Object.fromEntries(hosts.map((_, index) => [`mx${index}.test`, { a: [`127.0.0.${index + 2}`] }])),
  });
  closing.push(() => dns.close());
  setServers([dns.address]);
  const destinations = new Destinations({
    hostname: 'kabul.example.org',
    smarthost: undefined,
    routes: {},
    port,
    concurrency: 4,
    leaving: async (mail) => mail,
  });
  closing.push(() => destinations.rest());
  return { sinks, destinations };
}

async function send(destinations: Destinations, recipients: readonly string[]): Promise<readonly Outcome[]> {
  const form = await bodyForm(BODY);
  return Promise.all(
    destinations.group(recipients).map((group) =>
      destinations.send(group.destination, {
        sender: 'a@example.org',
        recipients: group.recipients,
        body: BODY,
        form,
        insist: false,
      }),
    ),
  );
}

const verdictOf = ([outcome]: readonly Outcome[]) => [...(outcome?.verdicts.values() ?? [])][0];

test('the next mail host gets it when the first is dead, or does not want to talk', async () => {
  const { sinks, destinations } = await mailHosts([
    undefined,
    { greeting: '554 5.3.2 go away' },
    { greeting: '421 4.3.2 busy' },
    {},
  ]);
  expect(verdictOf(await send(destinations, ['b@example.com']))?.letter).toBe('K');
  expect(sinks[3]?.mails).toHaveLength(1);
});

test('a host that refuses the recipient has the last word', async () => {
  const { sinks, destinations } = await mailHosts([{ recipient: () => '550 5.1.1 unknown' }, {}]);
  expect(verdictOf(await send(destinations, ['b@example.com']))).toEqual({
    letter: 'D',
    text: 'mx0.test said: 550 5.1.1 unknown (#5.1.1)',
  });
  expect(sinks[1]?.sessions).toBe(0);
});

test('when no host talks to us it is for later, and every reason is told', async () => {
  const { destinations } = await mailHosts([{ greeting: '554 5.3.2 go away' }, undefined]);
  const verdict = verdictOf(await send(destinations, ['b@example.com']));
  expect(verdict?.letter).toBe('Z');
  expect(verdict?.text).toMatch(/mx0\.test.*go away.*127\.0\.0\.3:\d+: nothing listens there \(#4\.4\.1\)/);
});

test('recipients of one domain go together, a hundred at a time; domains go apart', async () => {
  const { sinks, destinations } = await mailHosts([{}]);
  const many = Array.from({ length: 150 }, (_, index) => `r${index}@Example.com`);
  const outcomes = await send(destinations, [...many, 'x@nowhere.test']);
  expect(sinks[0]?.mails.map(({ to }) => to.length).toSorted()).toEqual([100, 50]);
  const letters = outcomes.flatMap(({ verdicts }) => [...verdicts.values()].map(({ letter }) => letter));
  expect(letters.filter((letter) => letter === 'K')).toHaveLength(150);
  expect(letters.filter((letter) => letter === 'D')).toHaveLength(1);
});

test('an odd local part is quoted, a domain beyond ASCII goes in ASCII', async () => {
  const { sinks, destinations } = await mailHosts([{}]);
  await send(destinations, ['two words@example.com', 'dot..dot@example.com', 'q"uote@example.com', 'فرید@example.com']);
  expect(sinks[0]?.mails[0]?.to).toEqual([
    '"two words"@example.com',
    '"dot..dot"@example.com',
    '"q\\"uote"@example.com',
    'فرید@example.com',
  ]);
  expect(sinks[0]?.mails[0]?.parameters).toContain('SMTPUTF8');
});
