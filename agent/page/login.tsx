/** What everybody may see: one line of the state of things, and the way in. */
import type { StatusReport } from '../status-report.ts';
import { type Around, Frame } from './frame.tsx';
import { count, size, span } from './say.ts';
import type { Words } from './words/en.ts';

export interface Login {
  readonly report: StatusReport;
  /** Unix seconds by the hub's clock. */
  readonly hubNow: number;
  readonly hasPassword: boolean;
  readonly fault?: 'wrong' | 'later';
}

export const LoginPage = ({ around, login }: { around: Around; login: Login }) => {
  const { words } = around;
  return (
    <Frame around={around} title={words.login.title}>
      <div class="narrow">
        <section class="card">
          <StatusLine words={words} login={login} />
        </section>
        <section class="card">
          <h2>{words.login.title}</h2>
          {login.fault ? (
            <p class="bad" role="alert">
              {words.login[login.fault]}
            </p>
          ) : null}
          {login.hasPassword ? <PagePassword words={words} /> : <NoPassword words={words} />}
          <PersonPassword words={words} />
        </section>
      </div>
    </Frame>
  );
};

const StatusLine = ({ words, login: { report, hubNow } }: { words: Words; login: Login }) => {
  const { mails, bytes } = report.waiting;
  const last = report.trips.find(({ error }) => error === undefined);
  return (
    <>
      <h1>
        {mails === 0
          ? words.status.nothing
          : words.status.waiting(count(words, words.mails, mails), size(words, bytes))}
      </h1>
      <p class="quiet">{last ? words.status.lastSync(span(words, hubNow - last.time)) : words.status.never}</p>
    </>
  );
};

const PagePassword = ({ words }: { words: Words }) => (
  <form method="post" action="/enter">
    <label for="password">{words.login.password}</label>
    <input id="password" name="password" type="password" autocomplete="current-password" required />
    <p class="buttons">
      <button type="submit" class="main">
        {words.login.enter}
      </button>
    </p>
    <p class="quiet small">
      {words.login.passwordHint} <Command />
    </p>
  </form>
);

const NoPassword = ({ words }: { words: Words }) => (
  <p>
    {words.login.none} <Command />
  </p>
);

const Command = () => (
  <code dir="ltr" lang="en">
    agent page password
  </code>
);

const PersonPassword = ({ words }: { words: Words }) => (
  <details>
    <summary>{words.login.person}</summary>
    <form method="post" action="/enter">
      <p class="quiet small">{words.login.personHint}</p>
      <label for="name">{words.login.name}</label>
      <input id="name" name="name" type="text" autocomplete="username" autocapitalize="none" required />
      <label for="own">{words.login.personPassword}</label>
      <input id="own" name="password" type="password" autocomplete="current-password" required />
      <p class="buttons">
        <button type="submit">{words.login.enter}</button>
      </p>
    </form>
  </details>
);
