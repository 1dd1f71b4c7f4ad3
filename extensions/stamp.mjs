// Note in the prebuilt bundle which sources it was built from: a test compares, so that the two cannot part.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const root = import.meta.dirname;
const files = ['src', 'style', 'schema']
  .flatMap(folder => readdirSync(join(root, folder), { recursive: true, withFileTypes: true }))
  .filter(entry => entry.isFile())
  .map(entry => join(entry.parentPath, entry.name).slice(root.length + 1).replaceAll('\\', '/'))
  .concat('package.json')
  .sort();
const hash = createHash('sha256');
for (const file of files) {
  hash.update(`${file}\0`).update(readFileSync(join(root, file))).update('\0');
}
writeFileSync(join(root, 'prebuilt/ip-workbench/sources.sha256'), `${hash.digest('hex')}\n`);
