/** The door of the page. */
import { type Around, Frame } from './frame.tsx';

export const LoginPage = ({ around, hasPassword, fault }: { around: Around; hasPassword: boolean; fault?: string }) => (
  <Frame around={around} title="Log in">
    <div class="narrow">
      <section class="card">
        <h1>Log in</h1>
        {fault === undefined ? null : (
          <p class="bad" role="alert">
            {fault}
          </p>
        )}
        {hasPassword ? (
          <form method="post" action="/enter">
            <label for="password">Password of the page</label>
            <input id="password" name="password" type="password" autocomplete="current-password" required />
            <p class="buttons">
              <button type="submit" class="main">
                Log in
              </button>
            </p>
          </form>
        ) : (
          <p>
            This page has no password yet. On the hub, type <code>hub page password</code>
          </p>
        )}
      </section>
    </div>
  </Frame>
);
