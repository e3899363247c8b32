/** What stands around every page of the hub. */
import { raw } from 'hono/html';
import type { Child } from 'hono/jsx';

export interface Around {
  readonly hostname: string;
  readonly path: string;
  /** Token of the visitor's forms; undefined before the login. */
  readonly token: string | undefined;
}

const PLACES = { '/': 'Offices', '/people': 'People', '/queue': 'Queue', '/audit': 'Changes' };

export const Frame = ({ around, title, children }: { around: Around; title: string; children: Child }) => (
  <>
    {raw('<!doctype html>')}
    <html lang="en" dir="ltr">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>{`${title} · ${around.hostname}`}</title>
        <link rel="icon" href="/icon.svg" />
        <link rel="stylesheet" href="/page.css" />
      </head>
      <body>
        <div class="page">
          <a class="skip" href="#content">
            To the content
          </a>
          <header>
            <p class="office">{around.hostname}</p>
            {around.token === undefined ? null : <Places path={around.path} token={around.token} />}
          </header>
          <main id="content">{children}</main>
        </div>
      </body>
    </html>
  </>
);

const Places = ({ path, token }: { path: string; token: string }) => (
  <>
    <nav aria-label="Pages">
      {Object.entries(PLACES).map(([to, text]) => (
        <a href={to} aria-current={to === path ? 'page' : undefined}>
          {text}
        </a>
      ))}
    </nav>
    <form method="post" action="/leave">
      <input type="hidden" name="token" value={token} />
      <button type="submit" class="plain">
        Log out
      </button>
    </form>
  </>
);
