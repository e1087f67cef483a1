/** What is there again at the next visit: weights and the runs' states in the page's own files, curves beside them. */
import type { Curve, NetworkName } from './networks.js';
import { hasFiles, ownFiles } from './ownFiles.js';
import { formatHash, parseHash, type Settings, settings } from './settings.js';

/** Networks that were trained here, and what as. */
export interface Session {
  key: string;
  networks: { name: NetworkName; curve: Curve; steps: number }[];
}

const places = { session: 'kwta-page-session', settings: 'kwta-page-settings' };

/** Where the run of a network is kept; undefined where a page has no files of its own. */
export function checkpointOf(name: NetworkName): string | undefined {
  return hasFiles() ? `${ownFiles}/${name}.safetensors` : undefined;
}

export function remember(session: Session): void {
  write(places.session, JSON.stringify(session));
}

export function forget(): void {
  write(places.session, undefined);
}

export function recall(): Session | undefined {
  const text = read(places.session);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as Session;
  } catch {
    return undefined;
  }
}

/** The settings of the address, and where it has none, those of the last visit. */
export function recallSettings(): Settings {
  const last = parseHash(read(places.settings) ?? '');
  return location.hash.length > 1 ? parseHash(location.hash) : last;
}

/** Keeps address and memory as the settings are. */
export function followSettings(): void {
  settings.subscribe((now) => {
    const hash = formatHash(now);
    write(places.settings, hash);
    if (hash !== location.hash) history.replaceState(null, '', hash);
  });
  addEventListener('hashchange', () => {
    settings.value = parseHash(location.hash);
  });
}

/** A browser may keep nothing for a page, and then it starts anew each time. */
function write(place: string, text: string | undefined): void {
  try {
    if (text === undefined) localStorage.removeItem(place);
    else localStorage.setItem(place, text);
  } catch {
    // Nothing is kept.
  }
}

function read(place: string): string | undefined {
  try {
    return localStorage.getItem(place) ?? undefined;
  } catch {
    return undefined;
  }
}
