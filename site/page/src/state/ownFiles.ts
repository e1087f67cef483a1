/** Where a page keeps files of its own, and whether the browser lets it. */

export const ownFiles = 'opfs:kwta-page';

export function hasFiles(): boolean {
  return navigator.storage?.getDirectory !== undefined && 'createWritable' in FileSystemFileHandle.prototype;
}
