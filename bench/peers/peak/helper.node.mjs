/** A helper thread of team.mjs in Node. */
import { workerData } from 'node:worker_threads';
import { help } from './team.mjs';

help(workerData);
