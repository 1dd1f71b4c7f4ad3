/** The plugins of the extension: looking up, STIX bundles, markings, what widgets leave behind. Each can be disabled by itself. */

import { ILabShell, ILayoutRestorer, type JupyterFrontEnd, type JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette, Notification } from '@jupyterlab/apputils';
import { MimeDocumentFactory } from '@jupyterlab/docregistry';
import { IEditorTracker } from '@jupyterlab/fileeditor';
import { IFileBrowserFactory } from '@jupyterlab/filebrowser';
import { INotebookTracker } from '@jupyterlab/notebook';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { ISettingRegistry } from '@jupyterlab/settingregistry';

import { Workbench } from './api';
import { installGuard } from './guard';
import { Highlights } from './highlights';
import { installHover } from './hover';
import { workbenchIcon } from './icon';
import { showWhatIsKept } from './kept';
import { mark, showMarking } from './marking';
import { Selection } from './selection';
import { Sidebar } from './sidebar';
import { STIX_TYPES, StixView } from './stix/view';
import { type Level, LEVELS, parseLevel, stricter } from './tlp';

const SETTINGS = 'ip-workbench:plugin';
const CATEGORY = 'IP Workbench';

const lookup: JupyterFrontEndPlugin<void> = {
  id: SETTINGS,
  description: 'Look addresses up: side panel, context menu, hover cards in outputs.',
  autoStart: true,
  optional: [ICommandPalette, ISettingRegistry, INotebookTracker, IEditorTracker, ILabShell, ILayoutRestorer],
  activate: async (
    app: JupyterFrontEnd,
    palette: ICommandPalette | null,
    registry: ISettingRegistry | null,
    notebooks: INotebookTracker | null,
    editors: IEditorTracker | null,
    labShell: ILabShell | null,
    restorer: ILayoutRestorer | null
  ) => {
    const workbench = new Workbench(app.serviceManager.serverSettings);
    const panel = new Sidebar(workbench);
    app.shell.add(panel, 'left', { rank: 350 });
    restorer?.add(panel, panel.id);

    panel.alerts.raised.connect((_, alert) => {
      Notification.warning(alert.says, {
        autoClose: false,
        actions: [{ label: 'Show alerts', callback: () => show('alerts') }]
      });
    });
    const show = (view: 'lookup' | 'profiles' | 'investigations' | 'alerts'): void => {
      labShell?.expandLeft();
      app.shell.activateById(panel.id);
      panel.turnTo(view);
    };
    const wanted = { hoverCards: true, underlineAddresses: true };
    const highlights = new Highlights(workbench, () => wanted.underlineAddresses);
    const watch = (root: Element): (() => void) => {
      const watching = highlights.watch(root);
      return () => watching.dispose();
    };
    notebooks?.widgetAdded.connect((_, notebook) => {
      notebook.content.disposed.connect(watch(notebook.content.node));
    });
    notebooks?.forEach(notebook => watch(notebook.content.node));

    const open = (text: string): void => {
      show('lookup');
      void panel.lookup.lookup(text);
    };
    installHover(workbench, { enabled: () => wanted.hoverCards, open });
    const selection = new Selection(app.shell, notebooks, editors);

    const { commands } = app;
    commands.addCommand('ip-workbench:open', {
      label: 'Open IP Workbench',
      caption: 'Show the panel where addresses are looked up',
      icon: workbenchIcon,
      execute: () => show('lookup')
    });
    for (const [view, label] of [
      ['profiles', 'Search Profiles'],
      ['investigations', 'Show Investigations'],
      ['alerts', 'Show Alerts']
    ] as const) {
      commands.addCommand(`ip-workbench:${view}`, { label, icon: workbenchIcon, execute: () => show(view) });
    }
    commands.addCommand('ip-workbench:lookup-selection', {
      label: 'Look up Selected Addresses',
      caption: 'Look up every address in the selected text',
      icon: workbenchIcon,
      execute: () => open(selection.current())
    });
    commands.addCommand('ip-workbench:lookup-here', {
      label: 'Look up in IP Workbench',
      caption: 'Look up the addresses in the selected text, or the one under the mouse',
      icon: workbenchIcon,
      isEnabled: () => selection.hasAddress,
      execute: () => open(selection.atMenu)
    });
    for (const name of ['open', 'lookup-selection', 'profiles', 'investigations', 'alerts']) {
      palette?.addItem({ command: `ip-workbench:${name}`, category: CATEGORY });
    }

    // The panel does not wait for the settings.
    const settings = await registry?.load(SETTINGS).catch(() => undefined);
    const read = (): void => {
      wanted.hoverCards = settings?.get('hoverCards').composite !== false;
      wanted.underlineAddresses = settings?.get('underlineAddresses').composite !== false;
      highlights.refresh();
      panel.alerts.hear(settings?.get('liveAlerts').composite !== false);
    };
    settings?.changed.connect(read);
    read();
  }
};

const stix: JupyterFrontEndPlugin<void> = {
  id: 'ip-workbench:stix',
  description: 'Show STIX 2.1 bundles as tables, in outputs and for .stix.json files.',
  autoStart: true,
  requires: [IRenderMimeRegistry],
  activate: (app: JupyterFrontEnd, rendermime: IRenderMimeRegistry) => {
    rendermime.addFactory(
      {
        safe: true,
        mimeTypes: STIX_TYPES,
        // Before the plain JSON tree.
        defaultRank: 40,
        createRenderer: ({ mimeType }) => new StixView(mimeType)
      },
      0
    );
    const files = app.docRegistry;
    files.addFileType({
      name: 'stix',
      displayName: 'STIX Bundle',
      extensions: ['.stix.json', '.stix'],
      mimeTypes: STIX_TYPES,
      contentType: 'file',
      fileFormat: 'text',
      icon: workbenchIcon
    });
    files.addWidgetFactory(
      new MimeDocumentFactory({
        rendermime,
        name: 'STIX Bundle',
        modelName: 'text',
        dataType: 'string',
        primaryFileType: files.getFileType('stix'),
        fileTypes: ['stix', 'json'],
        defaultFor: ['stix'],
        defaultRendered: ['stix']
      })
    );
  }
};

const marking: JupyterFrontEndPlugin<void> = {
  id: 'ip-workbench:marking',
  description: 'Mark notebooks with TLP, and keep what is marked above the limit from leaving.',
  autoStart: true,
  requires: [INotebookTracker],
  optional: [ICommandPalette, ISettingRegistry, IFileBrowserFactory],
  activate: (
    app: JupyterFrontEnd,
    notebooks: INotebookTracker,
    palette: ICommandPalette | null,
    registry: ISettingRegistry | null,
    files: IFileBrowserFactory | null
  ) => {
    const workbench = new Workbench(app.serviceManager.serverSettings);
    notebooks.forEach(showMarking);
    notebooks.widgetAdded.connect((_, panel) => showMarking(panel));

    const ceiling = workbench.status().then(
      status => parseLevel(status.ceiling) ?? 'TLP:CLEAR',
      // The server guards its doors itself; here the user's own limit holds.
      (): Level => 'TLP:RED'
    );
    const limit = async (): Promise<{ level: Level; byAdministrator: boolean }> => {
      const settings = await registry?.load(SETTINGS).catch(() => undefined);
      const own = parseLevel(settings?.get('shareUpTo').composite) ?? 'TLP:GREEN';
      const most = await ceiling;
      return stricter(own, most) ? { level: most, byAdministrator: true } : { level: own, byAdministrator: false };
    };
    installGuard({ commands: app.commands, shell: app.shell, notebooks, files, contents: app.serviceManager.contents, limit });

    for (const level of [null, ...LEVELS]) {
      const command = `ip-workbench:mark-${level ? level.slice(4).toLowerCase().replace('+', '-') : 'nothing'}`;
      app.commands.addCommand(command, {
        label: level ? `Mark Notebook ${level}` : 'Remove Marking from Notebook',
        isEnabled: () => notebooks.currentWidget !== null,
        execute: () => notebooks.currentWidget && mark(notebooks.currentWidget, level)
      });
      palette?.addItem({ command, category: CATEGORY });
    }
  }
};

const kept: JupyterFrontEndPlugin<void> = {
  id: 'ip-workbench:kept',
  description: 'Show what a widget left behind, where its kernel is gone.',
  autoStart: true,
  requires: [INotebookTracker],
  activate: (_: JupyterFrontEnd, notebooks: INotebookTracker) => showWhatIsKept(notebooks)
};

export default [lookup, stix, marking, kept];
