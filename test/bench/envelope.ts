/** Who writes to whom in the bench: the same for every peer that carries an envelope. */
export const SENDER = 'postmaster@herat.example.org';

const PEOPLE = ['friend', 'farid', 'holly', 'nadia', 'omid'];

/** So many people of the other side. */
export const peopleOf = (count: number): readonly string[] =>
  PEOPLE.slice(0, count).map((name) => `${name}@example.com`);
