import { getServers, setServers } from 'node:dns';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { mailHosts } from '../../hub/mx.ts';
import { type DnsServer, startDnsServer } from '../support/dns-server.ts';

const SELF = 'kabul.example.org';
const before = getServers();
let server: DnsServer;

beforeAll(async () => {
  server = await startDnsServer({
    'two.test': { mx: ['20 second.test', '10 first.test'] },
    'first.test': { a: ['127.0.0.1', '127.0.0.2'] },
    'second.test': { a: ['127.0.0.3'] },
    'implicit.test': { a: ['127.0.0.4'] },
    'null.test': { mx: ['0 .'], a: ['127.0.0.5'] },
    'dead.test': { mx: ['10 gone.test', '20 second.test'] },
    'all-dead.test': { mx: ['10 gone.test'] },
    'empty.test': {},
    'broken.test': { broken: true },
    'self.test': { mx: ['10 first.test', '20 Kabul.Example.Org', '30 second.test'] },
    'only-self.test': { mx: ['10 kabul.example.org'] },
    'xn--bcher-kva.test': { mx: ['10 first.test'] },
  });
  setServers([server.address]);
});

afterAll(async () => {
  setServers(before);
  await server.close();
});

const addresses = async (domain: string): Promise<readonly string[]> => {
  const answer = await mailHosts(domain, SELF);
  return 'hosts' in answer ? answer.hosts.map(({ address }) => address) : [answer.verdict.letter, answer.verdict.text];
};

test.each([
  ['two.test', ['127.0.0.1', '127.0.0.2', '127.0.0.3']],
  ['TWO.test', ['127.0.0.1', '127.0.0.2', '127.0.0.3']],
  ['implicit.test', ['127.0.0.4']],
  ['dead.test', ['127.0.0.3']],
  ['self.test', ['127.0.0.1', '127.0.0.2']],
  ['bücher.test', ['127.0.0.1', '127.0.0.2']],
  ['[127.0.0.9]', ['127.0.0.9']],
  ['[IPv6:::1]', ['::1']],
])('mail for %s goes to %s', async (domain, hosts) => {
  expect(await addresses(domain)).toEqual(hosts);
});

test.each([
  ['null.test', 'D', /null MX .*#5\.1\.10/],
  ['nowhere.test', 'D', /no domain .*#5\.1\.2/],
  ['empty.test', 'D', /no address .*#5\.1\.2/],
  ['only-self.test', 'D', /come back to kabul\.example\.org.*#5\.4\.6/],
  ['all-dead.test', 'Z', /no mail host .*#4\.4\.3/],
  ['broken.test', 'Z', /could not be looked up .*#4\.4\.3/],
  ['a b', 'D', /not a domain name/],
])('mail for %s is %s', async (domain, letter, text) => {
  expect(await addresses(domain)).toEqual([letter, expect.stringMatching(text)]);
});
