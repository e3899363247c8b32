/** What stands around every page: its head, the way about, and the languages. */

import { raw } from 'hono/html';
import type { Child } from 'hono/jsx';
import { LANGUAGES } from './languages.ts';
import type { Visitor } from './session.ts';
import type { Words } from './words/en.ts';

export interface Around {
  readonly words: Words;
  readonly office: string;
  /** Of this page. */
  readonly path: string;
  readonly visitor: Visitor | undefined;
  /** A sync runs: without scripts the page loads itself again. */
  readonly reloads?: boolean;
}

export const Frame = ({ around, title, children }: { around: Around; title: string; children: Child }) => {
  const { words, office, path, reloads } = around;
  return (
    <>
      {raw('<!doctype html>')}
      <html lang={words.tag} dir={words.dir}>
        <head>
          <meta charset="utf-8" />
          <meta name="viewport" content="width=device-width, initial-scale=1" />
          <title>{`${title} · ${office}`}</title>
          <link rel="icon" href="/icon.svg" />
          <link rel="stylesheet" href="/page.css" />
          <script src="/page.js" defer />
          {reloads ? (
            <noscript>
              <meta http-equiv="refresh" content="3" />
            </noscript>
          ) : null}
        </head>
        <body>
          <div class="page">
            <a class="skip" href="#content">
              {words.skip}
            </a>
            <Top around={around} />
            <main id="content">{children}</main>
            <footer>
              <span>{words.language}:</span>
              {LANGUAGES.map(({ tag, name, dir }) =>
                tag === words.tag ? (
                  <b lang={tag}>{name}</b>
                ) : (
                  <a href={`/language?tag=${tag}&to=${path}`} lang={tag} dir={dir} hreflang={tag}>
                    {name}
                  </a>
                ),
              )}
            </footer>
          </div>
        </body>
      </html>
    </>
  );
};

const Top = ({ around: { words, office, path, visitor } }: { around: Around }) => {
  const mine = { '/mail': words.mail, '/people': words.people.nav };
  const places = visitor?.name === undefined ? { '/': words.overview, ...mine, '/stick': words.stick } : mine;
  return (
    <header>
      <p class="office">{words.mailOf(office)}</p>
      {visitor ? (
        <>
          <nav aria-label={words.overview}>
            {Object.entries(places).map(([to, text]) => (
              <a href={to} aria-current={to === path ? 'page' : undefined}>
                {text}
              </a>
            ))}
          </nav>
          <form method="post" action="/leave">
            <Token visitor={visitor} />
            <button type="submit" class="plain">
              {words.leave}
            </button>
          </form>
        </>
      ) : null}
    </header>
  );
};

export const Token = ({ visitor }: { visitor: Visitor }) => <input type="hidden" name="token" value={visitor.token} />;

/** Words of the program or of the hub, which are in English whatever the page is in. */
export const Said = ({ text }: { text: string }) => (
  <p class="words" lang="en" dir="auto">
    {text}
  </p>
);
