/** Who is posted where, and where aliases lead. */
import type { Alias, Directory } from '../../shared/core/directory.ts';
import { Do, Field } from './button.tsx';
import { type Around, Frame } from './frame.tsx';

/** More are not listed; `hub user list` has all. */
const LISTED_MAX = 500;

export const PeoplePage = ({ around, directory }: { around: Around; directory: Directory }) => {
  const users = [...directory.users].sort(([one], [other]) => (one < other ? -1 : 1));
  const aliases = [...directory.aliases].sort(([one], [other]) => (one < other ? -1 : 1));
  return (
    <Frame around={around} title="People">
      <section class="card">
        <h1>{`${users.length} ${users.length === 1 ? 'person' : 'people'}`}</h1>
        <ul class="rows">
          {users.slice(0, LISTED_MAX).map(([address, post]) => (
            <li>
              <div class="row">
                <span class="address">{address}</span>
                <span class="size">{post}</span>
              </div>
              <details>
                <summary>Change</summary>
                <Do around={around} words="user move" args={[address]} text="Move">
                  <Field label="To office" hint="mazar" />
                </Do>
                <Do around={around} words="user remove" args={[address]} text="Remove" danger />
              </details>
            </li>
          ))}
        </ul>
        {users.length > LISTED_MAX ? (
          <p class="quiet">{`and ${users.length - LISTED_MAX} more: 'hub user list'`}</p>
        ) : null}
      </section>
      <section class="card">
        <h2>Somebody new</h2>
        <Do around={around} words="user add" text="Add">
          <Field label="Address" hint="farid@example.org" />
          <Field label="Office" hint="herat, or hub" />
        </Do>
      </section>
      <Aliases around={around} aliases={aliases} />
    </Frame>
  );
};

const Aliases = ({ around, aliases }: { around: Around; aliases: readonly (readonly [string, Alias])[] }) => (
  <section class="card">
    <h2>{`Aliases and lists: ${aliases.length}`}</h2>
    <ul class="rows">
      {aliases.slice(0, LISTED_MAX).map(([address, { targets }]) => (
        <li>
          <p class="address">{`${address} → ${targets.join(', ')}`}</p>
          <Do around={around} words="alias remove" args={[address]} text="Remove" danger />
        </li>
      ))}
    </ul>
    <Do around={around} words="alias set" text="Set an alias">
      <Field label="Address" hint="staff@example.org" />
      <Field label="Leads to" hint="farid holly tom@example.com" />
    </Do>
  </section>
);
