/** A helper thread of the peak kernels in a browser. */
import { help } from '../peak/team.mjs';

globalThis.onmessage = ({ data }) => help(data);
