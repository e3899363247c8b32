/** The agent's page in a browser, with a real hub: log in, sync, fetch, sticks; what it keeps out; both directions of writing. */
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openBrowser, seriousFaults } from '../support/browser.ts';
import { CuttingProxy } from '../support/cutting-proxy.ts';
import { hasPeer } from '../support/peers.ts';
import { done } from '../support/program.ts';
import { HubSite, OfficeSite } from '../support/sites.ts';
import { SmtpSession } from '../support/smtp-client.ts';
import { until } from '../support/until.ts';

const TOML = `
page = "127.0.0.1:0"
[[link]]
name = "iridium"
price_per_mb = 100
price_minimum = 0.48
currency = "USD"
max_mail = "20 KB"
budget = ["300 KB/day"]
money = "50/month"
`;
const HOSTILE = '<img src=x onerror=alert(1)><script>alert(2)</script>';

let folder: string;
let hub: HubSite;
let office: OfficeSite;
let proxy: CuttingProxy;
let browser: Browser;
let home: string;
const password = 'fig-tree-in-the-yard';

beforeAll(async () => {
  if (!hasPeer('chromium')) return;
  folder = await mkdtemp(join(tmpdir(), 'fieldpost-page-'));
  hub = await HubSite.make({ folder: join(folder, 'hub'), smarthost: '127.0.0.1:1' });
  await hub.start();
  const token = await hub.addOffice('herat');
  for (const name of ['farid', 'holly']) done(await hub.command(['user', 'add', `${name}@example.org`, 'herat']));
  done(await hub.command(['office', 'limits', 'herat', 'hold=20KB']));
  proxy = await CuttingProxy.open(`127.0.0.1:${hub.syncPort}`);
  const site = { folder: join(folder, 'herat'), name: 'herat', token, more: TOML };
  office = await OfficeSite.make({ ...site, hub: proxy.address });
  const toml = await readFile(office.configFile, 'utf8');
  await writeFile(office.configFile, `interval = "off"\n${toml}`);
  done(await office.command(['page', 'password', '--password-stdin'], { input: `${password}\n` }));
  for (const name of ['farid', 'holly'])
    done(await office.command(['user', 'add', name, '--password-stdin'], { input: `${name}s-own\n` }));
  await office.start();
  home = `http://${office.daemon.listen.page}`;
  browser = await openBrowser();
}, 120_000);

afterAll(async () => {
  await browser?.close();
  await office?.stop();
  await proxy?.close();
  await hub?.stop();
  if (folder) await rm(folder, { recursive: true, force: true });
});

async function open(options: Parameters<Browser['newContext']>[0] = {}): Promise<Page> {
  const context: BrowserContext = await browser.newContext({ locale: 'en-GB', ...options });
  return context.newPage();
}

async function officer(options: Parameters<Browser['newContext']>[0] = {}): Promise<Page> {
  const page = await open(options);
  await page.goto(home);
  await page.fill('#password', password);
  await page.press('#password', 'Enter');
  await page.waitForSelector('nav');
  return page;
}

async function write(subject: string, from = 'farid@example.org'): Promise<void> {
  const input = `Message-ID: <${randomUUID()}@x>\nSubject: ${subject}\n\n${'a line of text\n'.repeat(12)}`;
  done(await office.command(['send', '-f', from, 'friend@example.com'], { input }));
}

async function writeDown(subject: string, bytes: number): Promise<void> {
  const photo = randomBytes(bytes).toString('base64').replace(/.{76}/g, '$&\r\n');
  const part = 'Content-Disposition: attachment; filename=p.jpg\r\nContent-Transfer-Encoding: base64';
  const wire = Buffer.from(
    `Message-ID: <${randomUUID()}@x>\r\nSubject: ${subject}\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nsee below\r\n--b\r\nContent-Type: image/jpeg\r\n${part}\r\n\r\n${photo}\r\n--b--\r\n`,
  );
  const session = await SmtpSession.open(hub.daemon.address('smtp'));
  expect(await session.send({ from: 'friend@example.com', to: ['farid@example.org'], wire })).toMatchObject({
    code: 250,
  });
  await session.close();
}

const shot = async (page: Page, name: string): Promise<void> => {
  if (process.env.FIELDPOST_PICTURES)
    await page.screenshot({ path: `${process.env.FIELDPOST_PICTURES}/${name}.png`, fullPage: true });
};

describe.skipIf(!hasPeer('chromium'))('the page', () => {
  test('shows one line to everybody, and all to who has the password', async () => {
    const page = await open();
    await page.goto(home);
    expect(await page.textContent('h1')).toBe('Nothing waits to be sent');
    await shot(page, 'login');
    await page.fill('#password', 'wrong');
    await page.press('#password', 'Enter');
    expect(await page.textContent('[role=alert]')).toBe('That is not the right password.');
    await page.fill('#password', password);
    await page.press('#password', 'Enter');
    await page.waitForSelector('nav');
    expect(await page.textContent('.office')).toBe('Mail of herat');
    await shot(page, 'overview-empty');
  });

  test('mail headers are shown as they are, and nothing in them runs', async () => {
    await write(HOSTILE);
    const page = await officer();
    page.on('dialog', () => expect.unreachable('a script of the mail ran'));
    await page.click('nav a[href="/mail"]');
    expect(await page.textContent('h3')).toBe(HOSTILE);
    expect(await page.locator('main img, main script').count()).toBe(0);
    expect(await page.textContent('main')).toContain('iridium: about $0.48');
  });

  test('"Sync now" shows how far it is, and the mail is at the hub since then', async () => {
    await write('Rapport de la semaine');
    await writeDown('photos of the well', 30_000);
    const page = await officer();
    expect(await page.textContent('h1')).toMatch(/^2 mails to send/);
    await page.click('text=Sync now');
    await page.waitForSelector('.fine >> text=Done.');
    expect(await page.textContent('#now')).toMatch(/Sent: 2 mails.*Received: 1 mail/);
    expect(await page.textContent('h1')).toBe('Nothing waits to be sent');
    await page.click('nav a[href="/mail"]');
    expect(await page.textContent('main')).toMatch(/Rapport de la semaine.*at the hub since \d\d:\d\d/);
  });

  test('on a slow link one sees how far it is, and can stop it; the next sync goes on', async () => {
    const subjects = ['one', 'two', 'three', 'four', 'five'].map((name) => `report ${name}`);
    for (const subject of subjects) await writeDown(subject, 9_000);
    const page = await officer();
    proxy.pace = { bitsPerSecond: 19_200, delayMs: 50 };
    await page.click('text=Sync now');
    await page.waitForSelector('#now[data-running="1"]');
    const carried = async (): Promise<number> =>
      Number(/Carried: ([\d.]+) kB/.exec((await page.textContent('#progress')) ?? '')?.[1] ?? 0);
    const seenMoreThan = async (bytes: number) =>
      until(
        async () => ((await carried()) > bytes ? await carried() : undefined),
        async () => (await page.textContent('#now')) ?? '',
      );
    await seenMoreThan(await seenMoreThan(1));
    await shot(page, 'running');
    await page.click('text=Stop');
    await page.waitForSelector('#now[data-running="0"]');
    expect(await page.textContent('#now')).toContain('Stopped. What had arrived stays');
    proxy.pace = undefined;
    await page.click('text=Sync now');
    await page.waitForSelector('.fine >> text=Done.');
    const texts = (await office.mailbox('farid')).map(({ bytes }) => bytes.toString());
    expect(
      subjects.filter((subject) => texts.filter((text) => text.includes(`Subject: ${subject}\n`)).length === 1),
    ).toEqual(subjects);
  });

  test('without scripts the same is done by forms', async () => {
    await write('by forms');
    const page = await officer({ javaScriptEnabled: false });
    await page.click('text=Sync now');
    await until(
      async () => {
        await page.reload();
        return (await page.textContent('h1')) === 'Nothing waits to be sent' || undefined;
      },
      async () => (await page.textContent('main')) ?? '',
    );
    expect(await page.textContent('#now')).toContain('Sent: 1 mail');
  });

  test('the directory is an address book, and mail programs find their servers', async () => {
    const page = await officer();
    await page.click('nav a[href="/people"]');
    expect(await page.textContent('main')).toContain('holly@example.org');
    const [download] = await Promise.all([page.waitForEvent('download'), page.click('text=Save as LDIF')]);
    const file = join(folder, 'people.ldif');
    await download.saveAs(file);
    expect(await readFile(file, 'utf8')).toContain('cn: holly\nsn: holly\nmail: holly@example.org\nl: herat\n');
    const asked = await page.request.get(`${home}/mail/config-v1.1.xml?emailaddress=farid@example.org`, {
      headers: { host: 'autoconfig.example.org' },
    });
    const { pop3 = '', smtp = '' } = office.daemon.listen;
    const xml = (await asked.text()).replace(/\s+/g, '');
    for (const part of [
      '<domain>example.org</domain>',
      `<incomingServertype="pop3"><hostname>127.0.0.1</hostname><port>${pop3.split(':')[1]}</port>`,
      `<outgoingServertype="smtp"><hostname>127.0.0.1</hostname><port>${smtp.split(':')[1]}</port>`,
    ])
      expect(xml).toContain(part);
  });

  test('a held mail is asked for in parts', async () => {
    const page = await officer();
    await page.click('main a[href="/mail#held"]');
    expect(await page.textContent('#held h3')).toBe('photos of the well');
    expect(await page.textContent('#held')).toContain('1 attachment');
    await shot(page, 'mail');
    await page.click('text=Attachment 1');
    await page.waitForSelector('#held .fine >> text=Attachment 1 has been asked for.');
    await until(
      async () => {
        done(await office.command(['sync', '--link', 'default']));
        const texts = (await office.mailbox('farid')).map(({ bytes }) => bytes.toString());
        return texts.some((text) => /^Subject: photos of the well$.*filename="p.jpg"/ms.test(text)) || undefined;
      },
      async () => done(await hub.command(['queue'])).out,
    );
  });

  test('a stick is saved here and taken by the hub; one of the hub is read here', async () => {
    await write('by stick');
    const page = await officer();
    await page.click('nav a[href="/stick"]');
    await shot(page, 'stick');
    const [download] = await Promise.all([page.waitForEvent('download'), page.click('text=Save the file')]);
    expect(download.suggestedFilename()).toMatch(/^herat-\d{4}-\d\d-\d\d\.batch$/);
    const file = join(folder, 'up.batch');
    await download.saveAs(file);
    expect(done(await hub.command(['import', file])).out).toContain('1 mails taken');
    await page.click('nav a[href="/mail"]');
    expect(await page.textContent('main')).toMatch(/by stick.*on a USB stick for/);
    const down = join(folder, 'down.batch');
    done(await hub.command(['export', 'herat', down]));
    await page.click('nav a[href="/stick"]');
    await page.setInputFiles('#file', down);
    await page.click('text=Read the file');
    expect(await page.textContent('[role=status]')).toContain('Mails of ours that the hub has: 1.');
    await page.setInputFiles('#file', file);
    await page.click('text=Read the file');
    expect(await page.textContent('[role=status]')).toContain('is no file of the hub');
    const large = join(folder, 'film.mp4');
    await writeFile(large, randomBytes(40_000_000));
    await page.setInputFiles('#file', large);
    await page.click('text=Read the file');
    await page.waitForSelector('[role=status] >> text=is no file of the hub');
  });

  async function person(name: string): Promise<Page> {
    const page = await open();
    await page.goto(home);
    await page.click('summary');
    await page.fill('#name', name);
    await page.fill('#own', `${name}s-own`);
    await page.press('#own', 'Enter');
    await page.waitForSelector('nav');
    return page;
  }

  test('a person sees their own mail and nothing else, and asks for no other', async () => {
    await write('of Holly', 'holly@example.org');
    await write('of Farid');
    const page = await person('farid');
    const text = await page.textContent('main');
    expect(text).toContain('of Farid');
    expect(text).not.toContain('of Holly');
    for (const path of ['/stick', '/']) expect((await page.goto(`${home}${path}`))?.url()).toBe(`${home}/mail`);
    expect((await page.request.get(`${home}/events`)).status()).toBe(403);
    const field = (name: string): Promise<string> => page.locator(`#held input[name=${name}]`).first().inputValue();
    const [id, recipient] = [await field('id'), await field('recipient')];
    const other = await person('holly');
    expect(await other.locator('#held form').count()).toBe(0);
    const token = await other.locator('header input[name=token]').inputValue();
    const asked = await other.request.post(`${home}/fetch`, {
      form: { token, id, recipient, what: 'all' },
      headers: { origin: home },
    });
    expect(asked.status()).toBe(403);
  });

  const LOOKS = [
    { name: 'english', locale: 'en-GB', width: 1100, dir: 'ltr', colorScheme: 'light' },
    { name: 'english-dark', locale: 'en-GB', width: 1100, dir: 'ltr', colorScheme: 'dark' },
    { name: 'french-phone', locale: 'fr-FR', width: 360, dir: 'ltr', colorScheme: 'light' },
    { name: 'arabic', locale: 'ar', width: 1100, dir: 'rtl', colorScheme: 'light' },
    { name: 'dari-phone', locale: 'fa-AF', width: 360, dir: 'rtl', colorScheme: 'dark' },
  ] as const;

  test.each(LOOKS)('$name: nothing is wider than the screen, and axe finds no serious fault', async (look) => {
    const { locale, width, dir, colorScheme, name } = look;
    const page = await officer({ locale, colorScheme, viewport: { width, height: 800 } });
    for (const path of ['/', '/mail', '/people', '/stick']) {
      await page.goto(`${home}${path}`);
      expect(await page.getAttribute('html', 'dir')).toBe(dir);
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
      await shot(page, `${name}${path.replace('/', '-')}`);
      expect(await seriousFaults(page)).toEqual([]);
    }
    await page.click('header form button');
    await page.waitForSelector('#password');
    expect(await seriousFaults(page)).toEqual([]);
  });
});
