/** Every address of the page, and what stands behind it: the same functions that the commands call. */
import { Hono } from 'hono';
import { getCookie, setCookie } from 'hono/cookie';
import type { Child } from 'hono/jsx';
import { Exit } from '../../shared/io/command-line.ts';
import { Guesses } from '../../shared/page/guesses.ts';
import { ICON } from '../../shared/page/icon.ts';
import { STYLE } from '../../shared/page/style.ts';
import { passOver } from '../../shared/page/upload.ts';
import type { Agent } from '../agent.ts';
import { askFor } from '../held.ts';
import type { Trusts } from '../lan.ts';
import type { Schedule } from '../schedule.ts';
import { ldif, type Person, peopleIn, vcards } from './address-book.ts';
import { autoconfig } from './autoconfig.ts';
import { fieldsOf, fileOf, ownFields, PageFault } from './forms.ts';
import { type Around, Frame } from './frame.tsx';
import { guard, remoteAddress } from './guard.ts';
import { languageOf, preferred } from './languages.ts';
import { live } from './live.tsx';
import { PeoplePage } from './people.tsx';
import { SCRIPT } from './script.ts';
import { enter, leave, type PageContext, type PageEnv, type Visitor, visitorOf } from './session.ts';
import { type StickOutcome, StickPage } from './stick.tsx';
import { readStick, sendBatch } from './stick-file.ts';
import { heldOf, loginPage, mailPage, overviewPage } from './views.tsx';

export interface PageParts {
  readonly agent: Agent;
  readonly schedule: Schedule;
  readonly trusts: Trusts;
  /** host:port of the other listeners, by name. */
  readonly listen: Readonly<Record<string, string>>;
}

export function pageApp(parts: PageParts): Hono<PageEnv> {
  const { agent, trusts } = parts;
  const app = new Hono<PageEnv>();
  addAutoconfig(app, parts);
  app.use(guard(trusts));
  app.use(async (context, next) => {
    context.set(
      'words',
      languageOf(getCookie(context, 'language') ?? '') ?? preferred(context.req.header('accept-language')),
    );
    context.set('visitor', await visitorOf(context, agent));
    await next();
  });
  addFiles(app);
  addEntrance(app, agent);
  addSync(app, parts);
  addMail(app, agent);
  addPeople(app, agent);
  addStick(app, agent);
  app.notFound((context) => faultPage(agent, context, new PageFault(404, 'notFound')));
  app.onError((error, context) => {
    if (error instanceof PageFault) return faultPage(agent, context, error);
    agent.log.error('the page could not answer', { path: context.req.path, error: String(error.stack) });
    return faultPage(agent, context, new PageFault(400, 'failed'));
  });
  return app;
}

const around = (agent: Agent, context: PageContext, path: string): Around => ({
  words: context.get('words'),
  office: agent.config.office,
  path,
  visitor: context.get('visitor'),
});

/** Who is logged in; a person sees `/mail` alone. Throws PageFault. */
function officerOf(context: PageContext): Visitor {
  const visitor = context.get('visitor');
  if (!visitor || visitor.name !== undefined) throw new PageFault(403, 'stale');
  return visitor;
}

const page = (context: PageContext, content: Child, status: 200 | 400 | 403 | 404 | 429 = 200): Response =>
  context.html(String(content), status);

function faultPage(agent: Agent, context: PageContext, { status, what }: PageFault): Response {
  const words = context.get('words') ?? preferred(undefined);
  const content = (
    <Frame around={{ ...around(agent, context, '/'), words }} title={words.errors[what]}>
      <section class="card">
        <p>{words.errors[what]}</p>
        <p>
          <a href="/">{words.errors.home}</a>
        </p>
      </section>
    </Frame>
  );
  return page(context, content, status);
}

function addFiles(app: Hono<PageEnv>): void {
  const file = (path: string, type: string, text: string): void => {
    app.get(path, (context) => context.body(text, 200, { 'content-type': type }));
  };
  file('/page.css', 'text/css; charset=utf-8', STYLE);
  file('/page.js', 'text/javascript; charset=utf-8', SCRIPT);
  file('/icon.svg', 'image/svg+xml', ICON);
}

const PLACES = ['/', '/mail', '/people', '/stick'];
const YEAR_SECONDS = 31_536_000;

function addEntrance(app: Hono<PageEnv>, agent: Agent): void {
  const guesses = new Guesses();
  app.post('/enter', async (context) => {
    const fields = await fieldsOf(context);
    const [name, password] = [fields.get('name')?.trim() ?? '', fields.get('password') ?? ''];
    const address = remoteAddress(context);
    if (!guesses.mayTry(address))
      return page(context, await loginPage(agent, around(agent, context, '/'), 'later'), 429);
    guesses.begin(address);
    if (!(await enter(context, agent, { name, password })))
      return page(context, await loginPage(agent, around(agent, context, '/'), 'wrong'), 403);
    guesses.right(address);
    return context.redirect(name === '' ? '/' : '/mail', 303);
  });
  app.post('/leave', async (context) => {
    await ownFields(context);
    leave(context);
    return context.redirect('/', 303);
  });
  app.get('/language', (context) => {
    const { tag = '', to = '' } = context.req.query();
    if (languageOf(tag)) setCookie(context, 'language', tag, { path: '/', sameSite: 'Lax', maxAge: YEAR_SECONDS });
    return context.redirect(PLACES.includes(to) ? to : '/', 303);
  });
}

function addSync(app: Hono<PageEnv>, { agent, schedule }: PageParts): void {
  app.get('/', async (context) => {
    const visitor = context.get('visitor');
    if (visitor?.name !== undefined) return context.redirect('/mail', 303);
    const { watch } = schedule;
    const here = { ...around(agent, context, '/'), reloads: watch.running !== undefined };
    return page(context, visitor ? await overviewPage(agent, here, visitor, watch) : await loginPage(agent, here));
  });
  app.post('/sync', async (context) => {
    const fields = await ownFields(context);
    officerOf(context);
    const name = fields.get('link') ?? '';
    if (name !== '' && !agent.config.link.some((link) => link.name === name)) throw new PageFault(400, 'stale');
    schedule.ask({ ...(name === '' ? {} : { linkName: name }), ...(fields.has('force') ? { force: true } : {}) });
    return context.redirect('/', 303);
  });
  app.post('/cancel', async (context) => {
    await ownFields(context);
    officerOf(context);
    schedule.watch.cancel();
    return context.redirect('/', 303);
  });
  app.get('/events', (context) => {
    officerOf(context);
    return live(context, schedule.watch);
  });
}

function addMail(app: Hono<PageEnv>, agent: Agent): void {
  app.get('/mail', async (context) => {
    const visitor = context.get('visitor');
    if (!visitor) return context.redirect('/', 303);
    return page(context, await mailPage(agent, around(agent, context, '/mail'), visitor));
  });
  app.post('/fetch', async (context) => {
    const fields = await ownFields(context);
    const visitor = context.get('visitor');
    const [id, recipient, what = ''] = ['id', 'recipient', 'what'].map((name) => fields.get(name) ?? '');
    const held =
      visitor && (await heldOf(agent, visitor)).find((mail) => mail.id === id && mail.recipient === recipient);
    if (!held || !/^(?:all|text|small|drop|[1-9]\d{0,2})$/.test(what)) throw new PageFault(403, 'stale');
    await askFor(agent, held, what);
    return context.redirect('/mail#held', 303);
  });
}

function addPeople(app: Hono<PageEnv>, agent: Agent): void {
  const people = async (context: PageContext): Promise<readonly Person[]> => {
    if (!context.get('visitor')) throw new PageFault(403, 'stale');
    await agent.refresh();
    return peopleIn(agent.directory());
  };
  app.get('/people', async (context) => {
    if (!context.get('visitor')) return context.redirect('/', 303);
    const here = around(agent, context, '/people');
    return page(context, <PeoplePage around={here} people={await people(context)} />);
  });
  app.get('/people.ldif', async (context) =>
    context.body(ldif(await people(context)), 200, { 'content-type': 'text/ldif; charset=utf-8' }),
  );
  app.get('/people.vcf', async (context) =>
    context.body(vcards(await people(context)), 200, { 'content-type': 'text/vcard; charset=utf-8' }),
  );
}

const AUTOCONFIG = ['/mail/config-v1.1.xml', '/.well-known/autoconfig/mail/config-v1.1.xml'];

/** Asked for by the name of the mail domain, so whatever name the request has: it tells what every host here may know. */
function addAutoconfig(app: Hono<PageEnv>, { agent, trusts, listen }: PageParts): void {
  for (const path of AUTOCONFIG)
    app.get(path, (context) => {
      if (!trusts(remoteAddress(context))) return context.text('this is for the office alone\n', 403);
      const { domain, offices } = agent.directory();
      const { office } = agent.config;
      const { pop3, smtp } = listen;
      const domains = [domain, ...(offices.get(office)?.domains ?? [])];
      const host = (context.env.incoming.socket.localAddress ?? '').replace(/^::ffff:/, '');
      return context.body(String(autoconfig({ host, domains, office, pop3, smtp })), 200, {
        'content-type': 'text/xml; charset=utf-8',
      });
    });
}

function addStick(app: Hono<PageEnv>, agent: Agent): void {
  const stick = (context: PageContext, outcome?: StickOutcome): Response =>
    page(
      context,
      <StickPage
        around={around(agent, context, '/stick')}
        visitor={officerOf(context)}
        waitSeconds={agent.config.stick_wait}
        outcome={outcome}
      />,
    );
  app.get('/stick', (context) =>
    context.get('visitor')?.name === undefined && context.get('visitor') ? stick(context) : context.redirect('/', 303),
  );
  app.post('/stick/make', async (context) => {
    const fields = await ownFields(context);
    officerOf(context);
    const megabytes = Math.trunc(Number(fields.get('largest') ?? ''));
    try {
      return await sendBatch(context, agent, {
        again: fields.has('again'),
        bytesMax: Math.max(0, megabytes) * 1_000_000 || 0,
      });
    } catch (error) {
      if (error instanceof Exit) return stick(context, { fault: 'busy', details: error.message });
      throw error;
    }
  });
  app.post('/stick/read', async (context) => {
    officerOf(context);
    const file = await fileOf(context);
    const outcome: StickOutcome = file ? await readStick(agent, file) : { fault: 'noFile' };
    await passOver(context.env.incoming);
    return stick(context, outcome);
  });
}
