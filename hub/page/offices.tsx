/** All offices at a glance, and one in detail. */

import { ago } from '../ago.ts';
import { sizeText } from '../size-text.ts';
import { Do, Field } from './button.tsx';
import { type Around, Frame } from './frame.tsx';
import { monthText, type OfficeView, speedText } from './office-view.ts';

export const OfficesPage = ({
  around,
  views,
  now,
  internet,
}: {
  around: Around;
  views: readonly OfficeView[];
  now: number;
  internet: { mails: number; oldest?: number };
}) => (
  <Frame around={around} title="Offices">
    <section class="card">
      <h1>{views.length === 0 ? 'No office yet' : `${views.length} ${views.length === 1 ? 'office' : 'offices'}`}</h1>
      <ul class="rows">
        {views.map((view) => (
          <OfficeRow view={view} now={now} />
        ))}
      </ul>
    </section>
    <section class="card">
      <h2>To the Internet</h2>
      <p>
        {internet.mails === 0
          ? 'Nothing waits.'
          : `${internet.mails} ${internet.mails === 1 ? 'mail waits' : 'mails wait'}; the oldest came ${ago(now - (internet.oldest ?? now))}.`}
      </p>
    </section>
    <section class="card">
      <h2>A new office</h2>
      <p class="quiet">Its token is shown once it is made: all that its laptop needs.</p>
      <Do around={around} words="office add" text="Make the office">
        <Field label="Name" hint="herat" />
      </Do>
    </section>
  </Frame>
);

const OfficeRow = ({ view, now }: { view: OfficeView; now: number }) => {
  const { office, onLine, waiting, contact } = view;
  const state = office.revoked
    ? 'revoked'
    : onLine
      ? 'on line now'
      : contact
        ? ago(now - contact.time)
        : 'never called';
  return (
    <li>
      <div class="row">
        <h3>
          <a href={`/office/${office.name}`}>{office.name}</a>
        </h3>
        <span class={office.revoked ? 'bad' : onLine ? 'tag' : 'size'}>{state}</span>
      </div>
      <p class="quiet small">
        {waiting.mails === 0
          ? 'Nothing waits'
          : `${waiting.mails} ${waiting.mails === 1 ? 'mail waits' : 'mails wait'} (${sizeText(waiting.bytes)}), the oldest came ${ago(now - (waiting.oldest ?? now))}`}
        {`; this month ${monthText(view, now)}`}
        {speedText(view) === '' ? '' : `; last at ${speedText(view)}`}
      </p>
      {contact?.trouble === undefined ? null : <p class="small">{`Its last trip ended early: ${contact.trouble}`}</p>}
    </li>
  );
};

export const OfficePage = ({
  courier,
  around,
  view,
  people,
  now,
}: {
  /** Its courier code. */
  courier: string;
  around: Around;
  view: OfficeView;
  people: readonly string[];
  now: number;
}) => {
  const { office, contact, links } = view;
  const { limits } = office;
  return (
    <Frame around={around} title={office.name}>
      <section class="card">
        <h1>{office.name}</h1>
        <ul class="rows">
          <OfficeRow view={view} now={now} />
        </ul>
        <p class="quiet small">{`Written to at ${office.domains.join(', ')}`}</p>
      </section>
      <section class="card">
        <h2>What its trips carried</h2>
        {(contact?.months ?? []).length === 0 ? <p>Nothing yet.</p> : <Months view={view} />}
        {links.length === 0 ? null : (
          <p class="quiet small">{`Its links: ${links.map(({ name }) => name).join(', ')}`}</p>
        )}
      </section>
      <section class="card">
        <h2>{`${people.length} ${people.length === 1 ? 'person' : 'people'}`}</h2>
        <ul class="chips">
          {people.map((address) => (
            <li class="address">{address}</li>
          ))}
        </ul>
      </section>
      <section class="card">
        <h2>Limits</h2>
        <p class="quiet small">
          {`mail=${limits.mailBytesMax} hold=${limits.holdBytesMax} plain=${limits.plain ? 'yes' : 'no'} spam=${limits.spam} users=${limits.users} concurrency=${limits.concurrency}`}
        </p>
        <Do around={around} words="office limits" args={[office.name]} text="Change">
          <Field label="Limit" hint="hold=20KB" />
        </Do>
      </section>
      <section class="card">
        <h2>By stick</h2>
        <p class="quiet">
          A courier hands in its sticks at <code>/courier</code> of this hub, and takes mail to it with the code{' '}
          <code>{courier}</code>
        </p>
      </section>
      <section class="card">
        <h2>Its laptop</h2>
        <p class="quiet">
          A new token is a new key: the old laptop is shut out. Revoke at once when a laptop was stolen; the mail is
          kept.
        </p>
        <Do around={around} words="office rekey" args={[office.name]} text="New token" />
        {office.revoked ? (
          <Do around={around} words="office readmit" args={[office.name]} text="Let in again" />
        ) : (
          <Do around={around} words="office revoke" args={[office.name]} text="Revoke" danger />
        )}
      </section>
    </Frame>
  );
};

const Months = ({ view: { contact } }: { view: OfficeView }) => (
  <table tabindex={0}>
    <thead>
      <tr>
        {['Month', 'Trips', 'Mails up', 'Mails down', 'Mail', 'On the line'].map((head) => (
          <th scope="col">{head}</th>
        ))}
      </tr>
    </thead>
    <tbody>
      {[...(contact?.months ?? [])].reverse().map(([month, sums]) => (
        <tr>
          <th scope="row">{month}</th>
          <td>{sums.trips}</td>
          <td>{sums.mailsUp}</td>
          <td>{sums.mailsDown}</td>
          <td>{sizeText(sums.bytesRawUp + sums.bytesRawDown)}</td>
          <td>{sizeText(sums.bytesWireUp + sums.bytesWireDown)}</td>
        </tr>
      ))}
    </tbody>
  </table>
);
