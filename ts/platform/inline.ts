/** The platform of the entry that is one file, which has both: where it runs shows when it runs. */
import { platform as browser } from './browser.js';
import { platform as node } from './node.js';
import { nodeThreads } from './nodeThreads.js';
import type { Platform } from './platform.js';

export const platform: Platform = nodeThreads() === undefined ? browser : node;
