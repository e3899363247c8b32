/**
 * The courier's page, on the sync port for browsers: whoever carries a stick hands in what an office gave them, and takes away what waits for
 * it. A batch is sealed, so handing in needs no password; taking away needs the office's courier code, because what is on a stick is not
 * sent over a link for a while.
 */
import type { IncomingMessage } from 'node:http';
import type { HttpBindings } from '@hono/node-server';
import type { Context, Hono } from 'hono';
import { raw } from 'hono/html';
import type { Child } from 'hono/jsx';
import { stream } from 'hono/streaming';
import { TripError } from '../shared/core/trip-record.ts';
import { BatchError } from '../shared/io/batch-file.ts';
import { TripRefused } from '../shared/io/trip-side.ts';
import { type Download, pourBatch } from '../shared/page/batch-download.ts';
import { formFields } from '../shared/page/form.ts';
import { safeHeaders } from '../shared/page/guard.ts';
import { Guesses } from '../shared/page/guesses.ts';
import { STYLE } from '../shared/page/style.ts';
import { NoForm, passOver, uploadOf } from '../shared/page/upload.ts';
import { exportFor, importBatchFile } from './batch.ts';
import { courierFits } from './courier-code.ts';
import type { Hub } from './hub.ts';

type CourierContext = Context<{ Bindings: HttpBindings }>;

const FORM_BYTES_MAX = 2_000;

/** `held`: keeps the hub from stopping in the middle of it. */
export function addCourier(
  app: Hono<{ Bindings: HttpBindings }>,
  hub: Hub,
  held: (work: Promise<Response>) => Promise<Response>,
): void {
  const guesses = new Guesses();
  app.get('/courier', (c) => show(hub, c));
  app.get('/courier.css', (c) => c.body(STYLE, 200, { 'content-type': 'text/css; charset=utf-8' }));
  app.post('/courier/hand-in', (c) => held(handIn(hub, c)));
  app.post('/courier/take', (c) => held(take(hub, c, guesses)));
}

interface Said {
  readonly ok: boolean;
  readonly text: string;
}

async function handIn(hub: Hub, c: CourierContext): Promise<Response> {
  const incoming = c.env.incoming as IncomingMessage;
  const said = await takeFrom(hub, incoming);
  await passOver(incoming);
  return show(hub, c, said);
}

async function takeFrom(hub: Hub, incoming: IncomingMessage): Promise<Said> {
  try {
    const file = await uploadOf(incoming, () => undefined);
    if (!file) return { ok: false, text: 'No file was chosen.' };
    const { mails, known, fault } = await importBatchFile(hub, file);
    hub.log.info('a courier has handed in a batch', { mails, known });
    if (fault !== undefined)
      return { ok: false, text: `The file is damaged: ${fault}. What was whole of it is taken.` };
    return { ok: true, text: handed(mails, known) };
  } catch (error) {
    if (
      !(
        error instanceof BatchError ||
        error instanceof TripRefused ||
        error instanceof TripError ||
        error instanceof NoForm
      )
    )
      throw error;
    return { ok: false, text: `The file was not taken: ${error.message}.` };
  }
}

const handed = (mails: number, known: number): string =>
  mails === 0 && known > 0
    ? `Thank you. All ${known} mails of the file were here already.`
    : `Thank you. ${mails} ${mails === 1 ? 'mail was' : 'mails were'} taken${known > 0 ? `, ${known} were here already` : ''}.`;

async function take(hub: Hub, c: CourierContext, guesses: Guesses): Promise<Response> {
  const fields = (await formFields(c.req, FORM_BYTES_MAX)) ?? new URLSearchParams();
  const address = c.env.incoming.socket.remoteAddress ?? '';
  if (!guesses.mayTry(address)) return show(hub, c, { ok: false, text: 'Too many wrong codes: wait a minute.' });
  guesses.begin(address);
  await hub.directory.refresh();
  const office = hub.directory.office((fields.get('office') ?? '').trim().toLowerCase());
  if (!office || office.revoked || !courierFits(hub.secret, office, fields.get('code') ?? ''))
    return show(hub, c, { ok: false, text: 'That is not the code of that office. Its operator knows it.' });
  guesses.right(address);
  return give(hub, c, office.name);
}

/** As it is made; when the browser goes away before its end, links may carry the mail at once. */
function give(hub: Hub, c: CourierContext, office: string): Promise<Response> {
  const { promise, resolve, reject } = Promise.withResolvers<Response>();
  const day = new Date(hub.now() * 1_000).toISOString().slice(0, 10);
  const answer = (write: (out: Download) => Promise<void>): Response => {
    c.header('content-type', 'application/octet-stream');
    c.header('content-disposition', `attachment; filename="to-${office}-${day}.batch"`);
    return stream(c, write);
  };
  exportFor(
    hub,
    office,
    { again: false, bytesMax: 0 },
    (batch, { whose, key }) =>
      new Promise<void>((sent, failed) => {
        const pour = async (out: Download): Promise<void> => {
          await pourBatch(batch, { ...whose, key }, out);
          hub.log.info('a courier has taken a batch', { office, mails: batch.mails });
        };
        resolve(answer((out) => pour(out).then(sent, failed)));
      }),
  ).catch((error: Error) => {
    hub.log.warn('a batch for a courier was not saved whole: it is made anew when it is asked for', {
      office,
      reason: error.message,
    });
    reject(error);
    c.env.incoming.socket.destroy();
  });
  return promise;
}

function show({ config }: Hub, c: CourierContext, said?: Said): Response {
  safeHeaders(c);
  const content = <CourierPage hostname={config.hostname} {...(said ? { said } : {})} />;
  return c.html(String(content), said && !said.ok ? 400 : 200) as Response;
}

const CourierPage = ({ hostname, said }: { hostname: string; said?: Said }): Child => (
  <>
    {raw('<!doctype html>')}
    <html lang="en" dir="ltr">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>{`Mail by stick · ${hostname}`}</title>
        <link rel="stylesheet" href="/courier.css" />
      </head>
      <body>
        <div class="page">
          <header>
            <p class="office">{hostname}</p>
          </header>
          <main class="narrow">
            {said ? (
              <section class="card" role="status">
                <p class={said.ok ? 'fine' : 'bad'}>{said.text}</p>
              </section>
            ) : null}
            <HandIn />
            <Take />
          </main>
        </div>
      </body>
    </html>
  </>
);

const HandIn = () => (
  <section class="card">
    <h1>Hand in a stick</h1>
    <p class="quiet">
      The file that an office gave you. It is sealed: nobody else can read or change it, and twice does no harm.
    </p>
    <form method="post" action="/courier/hand-in" enctype="multipart/form-data">
      <label for="file">File on the stick</label>
      <input id="file" name="file" type="file" accept=".batch" required />
      <p class="buttons">
        <button type="submit" class="main">
          Hand in
        </button>
      </p>
    </form>
  </section>
);

const Take = () => (
  <section class="card">
    <h2>Take mail to an office</h2>
    <form method="post" action="/courier/take">
      <label for="office">Office</label>
      <input id="office" name="office" type="text" autocomplete="off" autocapitalize="none" required />
      <label for="code">Courier code</label>
      <input id="code" name="code" type="text" autocomplete="off" autocapitalize="none" required />
      <p class="buttons">
        <button type="submit">Save the file</button>
      </p>
    </form>
  </section>
);
