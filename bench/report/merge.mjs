/**
 * Several runs on one machine as one report.
 *
 * @typedef {object} Report
 * @property {ReturnType<typeof import('./machine.mjs').machine>} machine
 * @property {number} rounds
 * @property {number} passes
 * @property {{ name: string, versions: Record<string, string> }[]} peers
 * @property {{ name: string, reason: string, hint: string }[]} absent
 * @property {import('./blocks.mjs').Result[]} results
 */

/**
 * Facts and versions are those of the last run; what it measured replaces what earlier ones did.
 * @param {Report[]} reports
 * @returns {Report}
 */
export function mergeReports(reports) {
  const last = reports[reports.length - 1];
  const other = reports.find(({ machine }) => machine.cpu !== last.machine.cpu);
  if (other) throw new Error(`these runs are of two machines: ${other.machine.cpu} and ${last.machine.cpu}`);
  const key = (/** @type {import('./blocks.mjs').Result} */ { suite, task, sweep }) =>
    JSON.stringify([suite, task, sweep?.over, sweep?.of]);
  const results = new Map(reports.flatMap(({ results }) => results.map((result) => [key(result), result])));
  const peers = new Map(reports.flatMap(({ peers }) => peers.map((peer) => [peer.name, peer])));
  return {
    ...last,
    peers: [...peers.values()],
    absent: last.absent.filter(({ name }) => !peers.has(name)),
    results: [...results.values()],
  };
}
