/** What `npm run bench` is asked for: suites and options, checked before anything is built or measured. */
import { parseArgs } from 'node:util';
import { suites } from './report/findings/index.mjs';

const names = Object.keys(suites);

export const usage = `npm run bench [-- SUITE...] [--rounds N] [--passes N] [--peers TEXT] [--tasks TEXT] [--json FILE] [--html FILE] [--from FILE...]

Times this project beside its peers. Suites: ${names.join(', ')} (default: all).

  --rounds N      runs of each task in a pass (default 10)
  --passes N      goes through all tasks several times, so that a slow minute of the machine does not fall on one (default 1)
  --peers TEXT    only peers whose name contains one of these comma-separated texts
  --tasks TEXT    only tasks whose title contains this text
  --json FILE     where figures go (default: a file named by the time, in bench/results/)
  --html FILE     where the page goes (default: beside the JSON)
  --from FILE     measures nothing and makes the page of earlier JSON files; later ones replace what they measured again
  --help`;

/**
 * @param {string[]} args
 * @throws {Error} that says which argument is wrong
 */
export function readOptions(args) {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      rounds: { type: 'string', default: '10' },
      passes: { type: 'string', default: '1' },
      peers: { type: 'string' },
      tasks: { type: 'string', default: '' },
      json: { type: 'string' },
      html: { type: 'string' },
      from: { type: 'string', multiple: true },
    },
  });
  const unknown = positionals.find((name) => !names.includes(name));
  if (unknown) throw new Error(`no suite is called ${unknown}; there are ${names.join(', ')}`);
  const { rounds, passes, ...others } = values;
  return {
    ...others,
    rounds: count('rounds', rounds),
    passes: count('passes', passes),
    suites: positionals.length > 0 ? positionals : names,
  };
}

/**
 * @param {string} name of an option
 * @param {string} text
 */
function count(name, text) {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) {
    throw new Error(`--${name}: expected a whole number from 1, got ${text}`);
  }
  return value;
}
