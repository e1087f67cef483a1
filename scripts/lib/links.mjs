// Links of a built site: files that are not there, and places on a page that are not there.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

/**
 * All links between pages of a folder of HTML that lead nowhere, each with its page.
 * @param {string} folder
 * @param {string} base what an absolute link begins with
 * @returns {string[]}
 */
export function checkLinks(folder, base) {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  const files = names.map((name) => name.replaceAll('\\', '/')).filter((name) => name.endsWith('.html'));
  const pages = new Map(files.map((file) => [file, readPage(path.join(folder, file))]));
  const dead = [];
  for (const [file, { links }] of pages) {
    for (const link of links) {
      if (/^[a-z]+:|^\/\//i.test(link)) continue;
      const [place, anchor] = link.split('#');
      const [address] = place.split('?');
      const absolute = address.startsWith(base) ? address.slice(base.length) : undefined;
      const relative = path.posix.normalize(path.posix.join(path.posix.dirname(file), address));
      let target = decodeURI(address === '' ? file : (absolute ?? relative));
      if (target === '' || target === '.' || target.endsWith('/')) target = path.posix.join(target, 'index.html');
      const page = pages.get(target);
      if (page === undefined && !existsSync(path.join(folder, target))) dead.push(`${file}: ${link}: no such file`);
      else if (anchor && page && !page.places.has(decodeURIComponent(anchor))) {
        dead.push(`${file}: ${link}: no such place`);
      }
    }
  }
  return dead;
}

/** @param {string} file */
function readPage(file) {
  const html = readFileSync(file, 'utf8').replaceAll('&amp;', '&');
  const all = (/** @type {RegExp} */ pattern) => [...html.matchAll(pattern)].map(([, value]) => value);
  return { links: new Set(all(/\s(?:href|src)="([^"]*)"/g)), places: new Set(all(/\sid="([^"]*)"/g)) };
}
