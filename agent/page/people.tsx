/** Who can be written to, by place, and the address book as files that mail programs read. */
import type { Person } from './address-book.ts';
import { type Around, Frame } from './frame.tsx';

export const PeoplePage = ({ around, people }: { around: Around; people: readonly Person[] }) => {
  const { words } = around;
  const offices = [...new Set(people.map(({ office }) => office))].sort((a, b) => ((a ?? '~') < (b ?? '~') ? -1 : 1));
  return (
    <Frame around={around} title={words.people.title}>
      <section class="card">
        <h2>{words.people.title}</h2>
        <p>{words.people.hint}</p>
        <p class="buttons">
          <a class="button" href="/people.vcf" download>
            {words.people.vcard}
          </a>
          <a class="button" href="/people.ldif" download>
            {words.people.ldif}
          </a>
        </p>
      </section>
      {offices.map((office) => (
        <section class="card">
          <h2>
            <bdi>{office ?? words.people.lists}</bdi>
          </h2>
          <ul class="chips">
            {people
              .filter((person) => person.office === office)
              .map(({ address }) => (
                <li class="address">
                  <bdi>{address}</bdi>
                </li>
              ))}
          </ul>
        </section>
      ))}
    </Frame>
  );
};
