/**
 * The guard in front of JupyterLab's ways out. A notebook marked above the limit, or unmarked and showing something that
 * is, is not downloaded, exported, printed,
 * saved under another name or shared by link from these commands, wherever they are called
 * from: menu, palette, shortcut, context menu. The server closes its own doors as well (`/files`, `/nbconvert`), for
 * whoever comes past the page. What stays open, a copy by hand, a screenshot, code in a kernel, is said in the settings.
 */

import type { JupyterFrontEnd } from '@jupyterlab/application';
import { Dialog, showDialog } from '@jupyterlab/apputils';
import { PathExt } from '@jupyterlab/coreutils';
import type { DocumentWidget } from '@jupyterlab/docregistry';
import type { IFileBrowserFactory } from '@jupyterlab/filebrowser';
import type { INotebookTracker } from '@jupyterlab/notebook';
import type { Contents } from '@jupyterlab/services';
import type { CommandRegistry } from '@lumino/commands';

import { markingIn, markingOf, shownIn } from './marking';
import { type Level, stricter } from './tlp';

/** Commands that act on the document in front. */
const IN_FRONT: Record<string, string> = {
  'docmanager:download': 'downloaded',
  'docmanager:save-as': 'saved under another name',
  'docmanager:open-browser-tab': 'opened as a file of its own',
  'notebook:export-to-format': 'exported',
  'apputils:print': 'printed'
};

/** Commands that act on what is selected in the file browser. */
const SELECTED: Record<string, string> = {
  'filebrowser:download': 'downloaded',
  'filebrowser:open-browser-tab': 'opened as a file of its own',
  'filebrowser:copy-download-link': 'shared by link',
  'filebrowser:share-main': 'shared by link'
};

export interface GuardOptions {
  commands: CommandRegistry;
  shell: JupyterFrontEnd.IShell;
  notebooks: INotebookTracker;
  files: IFileBrowserFactory | null;
  contents: Contents.IManager;
  /** The highest level that may leave, and who set it. */
  limit: () => Promise<{ level: Level; byAdministrator: boolean }>;
}

export function installGuard(options: GuardOptions): void {
  const { commands } = options;
  const execute = commands.execute.bind(commands);
  const guarded: typeof execute = async (id, ...rest) => {
    const held = await heldBack(id, options);
    if (held) {
      await tell(held, await options.limit());
      return undefined;
    }
    return execute(id, ...rest);
  };
  // The registry has no hook before a command runs. Menus, the palette and shortcuts all come through this method.
  commands.execute = (id, ...rest) => (id in IN_FRONT || id in SELECTED ? guarded : execute)(id, ...rest);
}

interface Held {
  name: string;
  level: Level;
  marked: boolean;
  deed: string;
}

async function heldBack(id: string, options: GuardOptions): Promise<Held | null> {
  const deed = IN_FRONT[id] ?? SELECTED[id];
  if (!deed) {
    return null;
  }
  for (const path of id in IN_FRONT ? inFront(options) : selected(options)) {
    const found = path.toLowerCase().endsWith('.ipynb') ? await levelAt(path, options) : null;
    if (found && found.level !== 'TLP:CLEAR' && stricter(found.level, (await options.limit()).level)) {
      return { name: PathExt.basename(path), ...found, deed };
    }
  }
  return null;
}

/** The document in front, whatever it is opened with. */
function inFront({ shell }: GuardOptions): string[] {
  const path = (shell.currentWidget as DocumentWidget | null)?.context?.path;
  return path ? [path] : [];
}

function selected({ files }: GuardOptions): string[] {
  return [...(files?.tracker.currentWidget?.selectedItems() ?? [])].map(item => item.path);
}

/**
 * The marking of a notebook, or what an unmarked one shows: as it is on the page where it is open, saved or not, else as it
 * is in the file.
 */
async function levelAt(path: string, { notebooks, contents }: GuardOptions): Promise<{ level: Level; marked: boolean } | null> {
  const open = notebooks.find(panel => panel.context.path === path);
  const content: unknown = open
    ? open.content.model?.toJSON()
    : (await contents.get(path, { type: 'notebook', content: true })).content;
  const marking = open ? markingOf(open) : markingIn((content as { metadata?: unknown } | null)?.metadata);
  const level = marking ?? shownIn(content);
  return level ? { level, marked: marking !== null } : null;
}

async function tell(held: Held, limit: { level: Level; byAdministrator: boolean }): Promise<void> {
  await showDialog({
    title: `${held.level} stays here`,
    body:
      `${held.name} ${held.marked ? 'is marked' : 'is not marked, shows'} ${held.level} and is not ${held.deed}: ` +
      `what is above ${limit.level} does not leave. ` +
      (held.marked ? '' : 'Mark it in the toolbar to say how far it may go. ') +
      (limit.byAdministrator
        ? 'The administrator of this server set that limit.'
        : `${held.marked ? 'Change its marking in the toolbar, or' : 'You can also change'} the limit in the settings of IP Workbench.`),
    buttons: [Dialog.okButton({ label: 'Understood' })]
  });
}
