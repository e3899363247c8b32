/** What `hub check --dns` says of a zone that is empty, half made, and as it should be. */
import { getServers, setServers } from 'node:dns';
import { afterEach, expect, test } from 'vitest';
import { checkCommand } from '../../hub/commands/check.ts';
import { loadHubConfig } from '../../hub/config.ts';
import { dkimRecord, loadDkim, makeDkimKey } from '../../hub/dkim.ts';
import { bareHub } from '../support/bare-hub.ts';
import { type DnsRecords, startDnsServer } from '../support/dns-server.ts';
import { NO_FILES } from '../support/no-files.ts';

const before = getServers();
const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  setServers(before);
  for (const close of closing.splice(0).reverse()) await close();
});

async function check(zoneOf: (dkim: Record<string, DnsRecords>) => Record<string, DnsRecords>, toml = '[dkim]\n') {
  const hub = await bareHub({ toml });
  closing.push(() => hub.close());
  const config = loadHubConfig(hub.config.file);
  if (config.dkim) await makeDkimKey(config.dkim.key_file);
  const key = loadDkim(config);
  const record = key && dkimRecord(key);
  const dns = await startDnsServer(zoneOf(record ? { [record.name]: { txt: [record.text] } } : {}));
  closing.push(() => dns.close());
  setServers([dns.address]);
  const lines: string[] = [];
  const call = {
    positionals: [],
    options: { dns: true },
    json: false,
    out: (line: string) => void lines.push(line),
    ...NO_FILES,
    readFile: async () => Buffer.alloc(0),
  };
  const code = await checkCommand.run(config, call);
  return { code, lines: lines.filter((line) => line.includes(' dns ')) };
}

const GOOD: Record<string, DnsRecords> = {
  'kabul.example.org': { a: ['192.0.2.7'] },
  'example.org': { mx: ['10 kabul.example.org'], txt: ['some-verification=1', 'v=spf1 mx -all'] },
  '_dmarc.example.org': { txt: ['v=DMARC1; p=reject'] },
  '7.2.0.192.in-addr.arpa': { ptr: ['kabul.example.org'] },
};

test('all is well', async () => {
  const { code, lines } = await check((dkim) => ({ ...GOOD, ...dkim }));
  expect(lines).toEqual([
    'ok    dns address: kabul.example.org is 192.0.2.7',
    'ok    dns MX: mail for example.org comes to kabul.example.org',
    'ok    dns SPF: v=spf1 mx -all',
    'ok    dns DKIM: the DNS has the record fieldpost._domainkey.example.org: receivers can check what is signed',
    'ok    dns DMARC: v=DMARC1; p=reject',
    'ok    dns PTR: 192.0.2.7 calls itself kabul.example.org',
  ]);
  expect(code).toBe(0);
});

test('of an empty zone each record that is missing is printed', async () => {
  const { code, lines } = await check(() => ({}));
  expect(code).toBe(78);
  expect(lines.map((line) => line.replace(/ "v=DKIM1.*/, ' …').replace(/ IN A .*/, ' IN A …'))).toEqual([
    'WRONG dns address: kabul.example.org has no address: nobody finds this hub. Add:\n        kabul.example.org. IN A …',
    'WRONG dns MX: mail for example.org does not come here: it has no MX. Add:\n        example.org. IN MX 10 kabul.example.org.',
    'WRONG dns SPF: nobody can tell who may send for example.org. Add:\n        example.org. IN TXT "v=spf1 mx -all"',
    'WRONG dns DKIM: the DNS has no record for the key yet. Add:\n        fieldpost._domainkey.example.org. IN TXT ( …',
    'WRONG dns DMARC: others do not know what to do with forged mail of example.org. Add:\n        _dmarc.example.org. IN TXT "v=DMARC1; p=quarantine; rua=mailto:postmaster@example.org"',
  ]);
});

test('an SPF that shuts this hub out, a name that is another’s, mail that goes elsewhere', async () => {
  const { lines } = await check((dkim) => ({
    ...GOOD,
    ...dkim,
    'example.org': { mx: ['5 mail.example.net'], txt: ['v=spf1 ip4:198.51.100.1 -all'] },
    '7.2.0.192.in-addr.arpa': { ptr: ['vps-1.example.net'] },
  }));
  expect(lines.filter((line) => line.startsWith('WRONG')).map((line) => line.split('. Add:')[0])).toEqual([
    'WRONG dns MX: mail for example.org does not come here: it goes to mail.example.net',
    'WRONG dns SPF: "v=spf1 ip4:198.51.100.1 -all" does not let 192.0.2.7 send (fail)',
    'WRONG dns PTR: 192.0.2.7 calls itself vps-1.example.net: large mail providers refuse mail from such a host; ask your VPS provider to name it kabul.example.org',
  ]);
});

test('a DNS that does not answer is said', async () => {
  const { lines } = await check(() => ({ 'example.org': { broken: true } }));
  expect(lines.find((line) => line.includes('MX'))).toBe('WRONG dns MX: the DNS did not answer (ESERVFAIL): try again');
});
