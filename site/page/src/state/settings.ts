/** All that the page shows is decided by these settings; they stand in the address, so that a link shows the same. */
import { signal } from '@preact/signals';

/** How a setting is written in an address; what cannot be read there is left as it is. */
interface Field<T> {
  initial: T;
  read(text: string): T | undefined;
}

const oneOf = <const T extends string>(initial: T, ...others: T[]): Field<T> => ({
  initial,
  read: (text) => [initial, ...others].find((each) => each === text),
});

const between = (initial: number, min: number, max: number, whole = true): Field<number> => ({
  initial,
  read(text) {
    const value = Number(text);
    const fits = text.trim() !== '' && value >= min && value <= max && (!whole || Number.isInteger(value));
    return fits ? value : undefined;
  },
});

/** Largest of the numbers that start random streams. */
const largestSeed = 1e6;

const fields = {
  /** Drawn figures, Fashion-MNIST, or images of the user's own. */
  data: oneOf('figures', 'fashion', 'own'),
  /** Training images. */
  count: between(4000, 100, 60_000),
  networks: oneOf('both', 'kwta', 'relu'),
  gamma: between(0.1, 0.02, 0.5, false),
  regime: oneOf('natural', 'adversarial'),
  epochs: between(3, 1, 50),
  seed: between(0, 0, largestSeed),
  /** Number of the test image that is looked at. */
  image: between(30, 0, 9999),
  attack: oneOf('pgd', 'fgsm', 'estimated', 'square'),
  epsilon: between(0.06, 0.01, 0.3, false),
  /** Standard deviation of the noise that moves the image while the network is only looked at. */
  noise: between(0.05, 0, 0.3, false),
  /** Of the runtime; 0 for as many as the machine has. */
  threads: between(0, 0, 64),
  /** Pixels of an image of the user's own as base64, a byte each, and the class that it is said to be. */
  drawn: { initial: '', read: (text: string) => (/^[\w-]*$/.test(text) ? text : undefined) } satisfies Field<string>,
  label: between(0, 0, 999),
};

type Fields = typeof fields;

export type Settings = { [Name in keyof Fields]: Fields[Name]['initial'] };

const names = Object.keys(fields) as (keyof Settings)[];

export const defaults = Object.fromEntries(names.map((name) => [name, fields[name].initial])) as Settings;

/** Those that decide what is trained: another value needs a training of its own. */
const training = [
  'data',
  'count',
  'networks',
  'gamma',
  'regime',
  'epochs',
  'seed',
] as const satisfies (keyof Settings)[];

/** The settings in an address behind its `#`; all others are the defaults. */
export function parseHash(hash: string): Settings {
  const given = new URLSearchParams(hash.replace(/^#/, ''));
  const read = <Name extends keyof Settings>(name: Name): [Name, Settings[Name]] => {
    const text = given.get(name);
    const value = text === null ? undefined : (fields[name] as Field<Settings[Name]>).read(text);
    return [name, value ?? defaults[name]];
  };
  return Object.fromEntries(names.map(read)) as Settings;
}

/** The same the other way round; pixels only where there are some. */
export function formatHash(settings: Settings): string {
  const shown = names.filter((name) => settings.drawn !== '' || (name !== 'drawn' && name !== 'label'));
  return `#${new URLSearchParams(shown.map((name) => [name, String(settings[name])]))}`;
}

/** Tells trainings apart. */
export function trainingKey(settings: Settings): string {
  return training.map((name) => settings[name]).join(' ');
}

export const settings = signal<Settings>(defaults);

export function change(part: Partial<Settings>): void {
  settings.value = { ...settings.peek(), ...part };
}

/** What somebody may begin with. */
export const presets = [
  {
    name: 'Why k-WTA looks robust',
    text: 'The gradient leads PGD astray: it breaks ReLU, and k-WTA stands.',
    settings: { ...defaults, attack: 'pgd' },
  },
  {
    name: 'How it falls',
    text: 'The same image and radius; the gradient is estimated instead of followed.',
    settings: { ...defaults, attack: 'estimated' },
  },
] as const satisfies { name: string; text: string; settings: Settings }[];
