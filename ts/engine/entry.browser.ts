/** Entry of a worker in a browser. */
import { listen } from './listen.js';

listen();
