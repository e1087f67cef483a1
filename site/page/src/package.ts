/** The package, loaded before the page that stands on it: two short tasks in place of a long one. */
export { createRuntime } from 'kwta';
