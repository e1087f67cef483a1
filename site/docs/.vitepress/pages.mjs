// Which pages there are, and in which order they are read.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of the pages. */
export const docs = fileURLToPath(new URL('../../../docs/', import.meta.url));

/** @typedef {{ text: string, link: string }} Link */
/** @typedef {{ text: string, link?: string, collapsed?: boolean, items?: Group[] }} Group */

const start = ['tutorial-node', 'tutorial-page', 'page', 'demo'];
const guides = [
  'models',
  'runtime',
  'data',
  'training',
  'attacks',
  'reports',
  'analysis',
  'performance',
  'bundlers',
  'threads',
  'weights',
  'sweeps',
  'cli',
];
const findings = ['training-results', 'what-kwta-does', 'how-kwta-falls', 'adaptive'];
const more = ['researchers', 'faq', 'design'];

/**
 * @param {string} page
 * @returns {Link}
 */
function linkTo(page) {
  const text = readFileSync(path.join(docs, `${page}.md`), 'utf8').match(/^# (.+)$/m)?.[1];
  if (text === undefined) throw new Error(`docs/${page}.md has no title`);
  return { text: text.replaceAll('\\', ''), link: `/${page}` };
}

/** @param {string} folder below docs/ */
function pagesIn(folder) {
  const names = readdirSync(path.join(docs, folder)).filter((name) => name.endsWith('.md') && name !== 'index.md');
  return names.sort().map((name) => linkTo(`${folder}/${name.slice(0, -'.md'.length)}`));
}

/** @returns {Group[]} */
export function sidebar() {
  return [
    { text: 'Begin', items: start.map(linkTo) },
    { text: 'Guides', items: guides.map(linkTo) },
    { text: 'Recipes', items: pagesIn('recipes') },
    { text: 'What was found', items: findings.map(linkTo) },
    { text: 'For teachers', items: [linkTo('teachers/index'), ...pagesIn('teachers')] },
    { text: 'More', items: more.map(linkTo) },
  ];
}

/** The reference that typedoc wrote, as its folders have it. @returns {Group[]} */
export function referenceSidebar() {
  const inFolder = (/** @type {string} */ folder) => {
    const entries = readdirSync(path.join(docs, folder), { withFileTypes: true });
    return entries
      .filter((entry) => entry.isFile() && entry.name.endsWith('.md') && entry.name !== 'index.md')
      .map(({ name }) => name.slice(0, -'.md'.length))
      .sort()
      .map((name) => ({ text: name, link: `/${folder}/${name}` }));
  };
  const members = (/** @type {string} */ folder) =>
    readdirSync(path.join(docs, folder), { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && entry.name !== 'kwta')
      .map(({ name }) => ({ text: name, collapsed: true, items: inFolder(`${folder}/${name}`) }));
  const spaces = 'api/kwta/namespaces';
  const namespaces = readdirSync(path.join(docs, spaces)).sort();
  return [
    { text: 'kwta', link: '/api/', items: members('api') },
    ...namespaces.map((name) => ({
      text: name,
      link: `/${spaces}/${name}/`,
      collapsed: true,
      items: members(`${spaces}/${name}`),
    })),
  ];
}
