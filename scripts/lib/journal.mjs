// The trials of a sweep, from the journal in its folder.
import path from 'node:path';

/** @param {string} folder of a sweep */
export async function trialsOf(folder) {
  // Imported here: they are built by the command that calls this.
  const { LogFile } = await import('../../dist/sweep/log.js');
  const { Replay } = await import('../../dist/sweep/replay.js');
  const replay = new Replay();
  for (const line of new LogFile(path.join(folder, 'journal.log')).read()) replay.apply(line);
  return replay.studies.flatMap((study) => study.trials);
}
