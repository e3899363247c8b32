/** The hub's page and the courier's, in a browser, with a real hub and office. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openBrowser, seriousFaults } from '../support/browser.ts';
import { makeCertificate } from '../support/certificate.ts';
import { hasPeer } from '../support/peers.ts';
import { done } from '../support/program.ts';
import { filesOf, HubSite, OfficeSite } from '../support/sites.ts';

const certificate = makeCertificate();
const isThere = hasPeer('chromium') && certificate !== undefined;

let folder: string;
let hub: HubSite;
let office: OfficeSite;
let browser: Browser;
let home: string;

beforeAll(async () => {
  if (!isThere) return;
  folder = await mkdtemp(join(tmpdir(), 'fieldpost-hub-page-'));
  const more = `[tls]\ncert = "${certificate?.certFile}"\nkey = "${certificate?.keyFile}"\n`;
  hub = await HubSite.make({ folder: join(folder, 'hub'), smarthost: '127.0.0.1:1', more });
  await hub.start();
  const token = await hub.addOffice('herat');
  await hub.addOffice('mazar');
  for (const name of ['farid', 'holly']) done(await hub.command(['user', 'add', `${name}@example.org`, 'herat']));
  done(await hub.command(['user', 'add', 'akbar@example.org', 'hub']));
  done(await hub.command(['page', 'password', '--password-stdin'], { input: 'of kabul\n' }));
  office = await OfficeSite.make({ folder: join(folder, 'herat'), name: 'herat', token });
  home = `http://${hub.daemon.listen.admin}`;
  browser = await openBrowser();
}, 120_000);

afterAll(async () => {
  await browser?.close();
  await hub?.stop();
  if (folder) await rm(folder, { recursive: true, force: true });
});

async function operator(options: Parameters<Browser['newContext']>[0] = {}): Promise<Page> {
  const page = await (await browser.newContext(options)).newPage();
  await page.goto(home);
  await page.fill('#password', 'of kabul');
  await page.press('#password', 'Enter');
  await page.waitForSelector('nav');
  return page;
}

describe.skipIf(!isThere)('the hub’s page', () => {
  test('an office is enrolled: its token comes as text and as a picture', async () => {
    const page = await operator();
    await page.fill('input[name=arg]', 'ghazni');
    await page.click('text=Make the office');
    expect(await page.textContent('code')).toBe('hub office add ghazni');
    await page.click('text=Do it');
    expect(await page.textContent('main')).toMatch(/fieldpost1-[\w-]{40,}/);
    expect(await page.locator('.qr svg').boundingBox()).toMatchObject({ width: expect.any(Number) });
    expect(done(await hub.command(['office', 'list'])).out).toContain('ghazni');
  });

  test('a person is moved, after the question, and the change is listed', async () => {
    const page = await operator();
    await page.goto(`${home}/people`);
    const holly = page.locator('li', { hasText: 'holly@example.org' });
    await holly.locator('summary').click();
    await holly.locator('input[type=text]').fill('mazar');
    await holly.getByRole('button', { name: 'Move', exact: true }).click();
    await page.click('text=Do it');
    expect(await page.textContent('main')).toContain('holly@example.org is posted to office mazar');
    await page.goto(`${home}/audit`);
    expect(await page.textContent('main')).toContain('user move holly@example.org mazar');
  });

  test('nobody is kept out: wide, on a phone, in the dark', async () => {
    for (const options of [{}, { viewport: { width: 390, height: 800 } }, { colorScheme: 'dark' as const }]) {
      const page = await operator(options);
      for (const path of ['/', '/people', '/queue', '/audit', '/office/herat']) {
        await page.goto(home + path);
        expect(await seriousFaults(page)).toEqual([]);
        const width = await page.evaluate<number>('document.documentElement.scrollWidth - window.innerWidth');
        expect(width).toBeLessThanOrEqual(0);
      }
      await page.context().close();
    }
  });
});

describe.skipIf(!isThere)('the courier’s page', () => {
  const courier = async (): Promise<Page> => {
    const page = await (await browser.newContext({ ignoreHTTPSErrors: true, acceptDownloads: true })).newPage();
    await page.goto(`https://127.0.0.1:${hub.syncPort}/courier`);
    return page;
  };

  test('takes a stick of an office, twice without harm, and gives one for it to who knows the code', async () => {
    const input = `Message-ID: <${randomUUID()}@x>\nSubject: by stick\n\nhello\n`;
    done(await office.command(['send', '-f', 'farid@example.org', 'akbar@example.org'], { input }));
    const up = join(folder, 'up.batch');
    done(await office.command(['export', up]));
    const page = await courier();
    for (const said of ['Thank you. 1 mail was taken.', 'Thank you. All 1 mails of the file were here already.']) {
      await page.setInputFiles('#file', up);
      await page.click('text=Hand in >> nth=-1');
      expect(await page.textContent('[role=status]')).toBe(said);
    }
    expect(await filesOf(join(folder, 'hub/store/mailbox/akbar/new'))).toHaveLength(1);

    await page.fill('#office', 'herat');
    await page.fill('#code', 'aaaa-bbbb-cccc');
    await page.click('text=Save the file');
    expect(await page.textContent('[role=status]')).toBe('That is not the code of that office. Its operator knows it.');
    const { out } = done(await hub.command(['office', 'show', 'herat']));
    await page.fill('#office', 'herat');
    await page.fill('#code', /courier code +(\S+)/.exec(out)?.[1] ?? '');
    const [download] = await Promise.all([page.waitForEvent('download'), page.click('text=Save the file')]);
    expect(download.suggestedFilename()).toMatch(/^to-herat-\d{4}-\d\d-\d\d\.batch$/);
    const down = join(folder, 'down.batch');
    await download.saveAs(down);
    const taken = done(await office.command(['import', down]));
    expect(taken.out).toContain('1 frames of ours answered');
    expect(await seriousFaults(page)).toEqual([]);
  });

  test('a file that is none is refused in words, and the hub goes on', async () => {
    const page = await courier();
    const file = join(folder, 'letter.txt');
    await writeFile(file, 'Dear courier,\n'.repeat(2_000_000));
    await page.setInputFiles('#file', file);
    await page.click('text=Hand in >> nth=-1');
    await page.waitForSelector('[role=status] >> text=The file was not taken: ');
  });
});
