/** The buttons of the page, and the fields that go with them. */
import type { Child } from 'hono/jsx';
import type { Around } from './frame.tsx';

/** A button that leads to the question whether it is meant. `children`: fields to fill in, if any. */
export const Do = (props: {
  around: Around;
  words: string;
  args?: readonly string[];
  text: string;
  danger?: boolean;
  back?: string;
  children?: Child;
}) => (
  <form method="post" action="/do">
    <input type="hidden" name="token" value={props.around.token} />
    <input type="hidden" name="words" value={props.words} />
    <input type="hidden" name="back" value={props.back ?? props.around.path} />
    {(props.args ?? []).map((arg) => (
      <input type="hidden" name="arg" value={arg} />
    ))}
    {props.children ? <div class="fields">{props.children}</div> : null}
    <p class="buttons">
      <button type="submit" class={props.danger ? 'danger' : undefined}>
        {props.text}
      </button>
    </p>
  </form>
);

export const Field = ({ label, hint }: { label: string; hint: string }) => (
  <div>
    <label>
      {label}
      <input type="text" name="arg" placeholder={hint} required autocomplete="off" autocapitalize="none" />
    </label>
  </div>
);
