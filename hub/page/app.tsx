/** The hub's page, on the admin port: every address, and what stands behind it. What changes something is a command of the hub. */
import { createHmac } from 'node:crypto';
import { Hono } from 'hono';
import type { Child } from 'hono/jsx';
import { passwordFits, readAccounts } from '../../shared/io/accounts.ts';
import { countMaildir } from '../../shared/io/maildir.ts';
import { isOwnWrite, safeHeaders } from '../../shared/page/guard.ts';
import { Guesses } from '../../shared/page/guesses.ts';
import { ICON } from '../../shared/page/icon.ts';
import { STYLE } from '../../shared/page/style.ts';
import { recentChanges } from '../audit.ts';
import { courierCode } from '../courier-code.ts';
import type { Hub, HubCommand } from '../hub.ts';
import { PAGE_ACCOUNT } from '../people.ts';
import { queued, queueNames } from '../queue-list.ts';
import { actionOf, ConfirmPage, DonePage, perform } from './action.tsx';
import { AuditPage } from './audit.tsx';
import { type Around, Frame } from './frame.tsx';
import { LoginPage } from './login.tsx';
import { officeView, officeViews } from './office-view.ts';
import { OfficePage, OfficesPage } from './offices.tsx';
import { PeoplePage } from './people.tsx';
import { type QueueLine, QueuePage } from './queue.tsx';
import { begin, end, fieldsOf, isOwn, type PageContext, type PageEnv, tokenOf } from './session.ts';

const CHANGES_SHOWN = 100;
const QUEUE_SHOWN = 200;

export function hubPage(hub: Hub, commands: readonly HubCommand[]): Hono<PageEnv> {
  const app = new Hono<PageEnv>();
  const secret = createHmac('sha256', hub.secret).update('fieldpost hub page').digest('hex');
  app.use(guard);
  app.get('/page.css', (c) => c.body(STYLE, 200, { 'content-type': 'text/css; charset=utf-8' }));
  app.get('/icon.svg', (c) => c.body(ICON, 200, { 'content-type': 'image/svg+xml' }));
  app.use(async (c, next) => {
    c.set('token', await tokenOf(hub, secret, c));
    await next();
  });
  addEntrance(app, hub, secret);
  app.use(async (c, next) => {
    if (c.get('token') === undefined) return c.redirect('/', 303);
    await next();
    return undefined;
  });
  addPages(app, hub);
  addActions(app, hub, commands);
  app.notFound((c) => show(c, <Message around={around(hub, c, '/')} text="There is no such page." />, 404));
  return app;
}

/** Writes come from this page's own buttons, by an address of this machine: a stranger's name may lead here (DNS rebinding). */
async function guard(c: PageContext, next: () => Promise<void>): Promise<Response | undefined> {
  const host = c.req.header('host') ?? '';
  if (!/^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$/.test(host))
    return c.text('ask for this page by its address\n', 403);
  if (!isOwnWrite(c)) return c.text('only the buttons of the page do this\n', 403);
  safeHeaders(c);
  await next();
  return undefined;
}

const around = ({ config }: Hub, c: PageContext, path: string): Around => ({
  hostname: config.hostname,
  path,
  token: c.get('token'),
});

const show = (c: PageContext, content: Child, status: 200 | 400 | 403 | 404 | 429 = 200): Response =>
  c.html(String(content), status) as Response;

const Message = ({ around: about, text }: { around: Around; text: string }) => (
  <Frame around={about} title={text}>
    <section class="card">
      <p>{text}</p>
      <p>
        <a href="/">To the offices</a>
      </p>
    </section>
  </Frame>
);

function addEntrance(app: Hono<PageEnv>, hub: Hub, secret: string): void {
  const guesses = new Guesses();
  const login = async (c: PageContext, status: 200 | 403 | 429, fault?: string): Promise<Response> => {
    const hasPassword = (await readAccounts(hub.store)).has(PAGE_ACCOUNT);
    const content = <LoginPage around={around(hub, c, '/')} hasPassword={hasPassword} {...(fault ? { fault } : {})} />;
    return show(c, content, status);
  };
  app.get('/', async (c, next) => (c.get('token') === undefined ? login(c, 200) : next()));
  app.post('/enter', async (c) => {
    // All come from this machine, or through a tunnel to it: one count for all.
    if (!guesses.mayTry('')) return login(c, 429, 'Too many wrong passwords: wait a minute.');
    guesses.begin('');
    const accounts = await readAccounts(hub.store);
    const fields = await fieldsOf(c);
    if (!(await passwordFits(accounts, PAGE_ACCOUNT, fields.get('password') ?? ''))) {
      hub.log.warn('somebody gave a wrong password', { door: 'page' });
      return login(c, 403, 'That is not the password.');
    }
    guesses.right('');
    await begin(hub, secret, c, accounts.get(PAGE_ACCOUNT)?.salt ?? '');
    return c.redirect('/', 303);
  });
  app.post('/leave', async (c) => {
    if (isOwn(c, await fieldsOf(c))) end(c);
    return c.redirect('/', 303);
  });
}

function addPages(app: Hono<PageEnv>, hub: Hub): void {
  app.get('/', async (c) => {
    const [views, internet] = [await officeViews(hub), await countMaildir(hub.store, 'internet')];
    return show(c, <OfficesPage around={around(hub, c, '/')} views={views} now={hub.now()} internet={internet} />);
  });
  app.get('/office/:name', async (c) => {
    await hub.directory.refresh();
    const office = hub.directory.office(c.req.param('name'));
    const about = around(hub, c, `/office/${office?.name ?? ''}`);
    if (!office) return show(c, <Message around={about} text="There is no such office." />, 404);
    const people = [...hub.directory.current.users]
      .filter(([, post]) => post === office.name)
      .map(([address]) => address)
      .sort();
    const courier = courierCode(hub.secret, office);
    const view = await officeView(hub, office);
    return show(c, <OfficePage around={about} view={view} people={people} courier={courier} now={hub.now()} />);
  });
  app.get('/people', async (c) => {
    await hub.directory.refresh();
    return show(c, <PeoplePage around={around(hub, c, '/people')} directory={hub.directory.current} />);
  });
  app.get('/queue', async (c) => {
    const lines = await queueLines(hub, QUEUE_SHOWN + 1);
    const shown = lines.slice(0, QUEUE_SHOWN);
    return show(
      c,
      <QueuePage around={around(hub, c, '/queue')} lines={shown} more={lines.length > QUEUE_SHOWN} now={hub.now()} />,
    );
  });
  app.get('/audit', async (c) => {
    const changes = await recentChanges(hub.store, CHANGES_SHOWN);
    return show(c, <AuditPage around={around(hub, c, '/audit')} changes={changes} />);
  });
}

async function queueLines(hub: Hub, most: number): Promise<readonly QueueLine[]> {
  const lines: QueueLine[] = [];
  for (const queue of queueNames(hub, undefined))
    for await (const { entry, note } of queued(hub, queue)) {
      const { sender, recipients, size: bytes, accepted } = entry.head;
      lines.push({ id: entry.id, queue, sender, recipients, bytes, accepted, why: note?.lastError });
      if (lines.length === most) return lines;
    }
  return lines;
}

function addActions(app: Hono<PageEnv>, hub: Hub, commands: readonly HubCommand[]): void {
  app.post('/do', async (c) => {
    const fields = await fieldsOf(c);
    const about = around(hub, c, '');
    if (!isOwn(c, fields))
      return show(c, <Message around={about} text="This form is too old: go back, and load the page anew." />, 403);
    const action = actionOf(fields);
    if (!action) return show(c, <Message around={about} text="The page cannot do that." />, 400);
    if (fields.get('confirm') !== 'yes') return show(c, <ConfirmPage around={about} action={action} />);
    const done = await perform(hub, commands, action);
    hub.log.info('the page ran a command', { words: action.words, args: action.args.join(' '), ok: done.ok });
    return show(c, <DonePage around={about} action={action} done={done} />);
  });
}
