/** A stick's file that does not go through whole, up or down: nothing is kept from syncing by it, and no mail waits for a stick that is not. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type OfficeFolder, officeFolder } from '../support/office-folder.ts';
import { postUp } from '../support/sync-office.ts';
import { until } from '../support/until.ts';

let office: OfficeFolder;
let child: ChildProcess;
let where: string;
let headers: Record<string, string>;
let token: string;

beforeEach(async () => {
  office = await officeFolder('interval = "off"\n[listen]\npage = "127.0.0.1:0"\n');
  await office.agent(['page', 'password', '--password-stdin'], { input: 'open sesame\n' });
  const [jsx, main] = ['../support/jsx.mjs', '../../agent/main.ts'].map((path) => join(import.meta.dirname, path));
  child = spawn(process.execPath, ['--import', jsx ?? '', main ?? '', 'run', '--config', office.config], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]();
  where = (JSON.parse((await lines.next()).value as string) as { listen: { page: string } }).listen.page;
  headers = { host: where, origin: `http://${where}`, 'content-type': 'application/x-www-form-urlencoded' };
  const entered = await ask('/enter', 'password=open+sesame');
  headers.cookie = entered.headers['set-cookie']?.[0]?.split(';')[0] ?? '';
  let text = '';
  for await (const chunk of await ask('/stick')) text += chunk;
  token = /name="token" value="([0-9a-f]{64})"/.exec(text)?.[1] ?? '';
});
afterEach(async () => {
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
  await office.close();
});

function send(path: string, method: string) {
  const [host, port] = where.split(':');
  return request({ host, port, path, method, headers });
}

async function ask(path: string, body?: string): Promise<IncomingMessage> {
  const asking = send(path, body === undefined ? 'GET' : 'POST').end(body);
  const [answer] = (await once(asking, 'response')) as [IncomingMessage];
  return answer;
}

const exported = () => office.agent(['export', join(office.folder, 'by-hand.batch')]);

test('an upload that breaks off leaves the way free for a sync', async () => {
  headers['content-type'] = 'multipart/form-data; boundary=b';
  const upload = send('/stick/read', 'POST');
  upload.on('error', () => undefined);
  upload.write(`--b\r\ncontent-disposition: form-data; name="token"\r\n\r\n${token}\r\n`);
  upload.write('--b\r\ncontent-disposition: form-data; name="file"; filename="x"\r\n\r\nFP');
  await until(
    async () => ((await exported()).code === 75 ? true : undefined),
    async () => 'the page never began to read the file',
  );
  upload.destroy();
  await until(
    async () => ((await exported()).code === 0 ? true : undefined),
    async () => 'the page still holds what syncs need',
  );
});

test('a download that breaks off leaves the mail to the links', async () => {
  const agent = await office.open();
  for (let index = 0; index < 4; index += 1) {
    const text = randomBytes(3_000_000).toString('base64').replace(/.{76}/g, '$&\n');
    await postUp(agent, Buffer.from(`Message-ID: <${index}@x>\nSubject: ${index}\n\n${text}\n`));
  }
  const answer = await ask('/stick/make', `token=${token}`);
  expect(answer.headers['content-disposition']).toMatch(/^attachment; filename="herat-.*\.batch"$/);
  await once(answer, 'readable');
  const onSticks = async (): Promise<number> => {
    const { mails } = JSON.parse((await office.agent(['queue', '--json'])).out) as {
      mails: { onStickSince?: number }[];
    };
    return mails.filter(({ onStickSince }) => onStickSince !== undefined).length;
  };
  expect(await onSticks()).toBeGreaterThan(0);
  answer.destroy();
  await until(
    async () => ((await onSticks()) === 0 ? true : undefined),
    async () => 'mail still waits for a stick that never came to be',
  );
});
