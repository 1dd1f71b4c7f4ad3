/** What "Look up in IP Workbench" in a context menu is about: the selected text, else the address under the mouse. */

import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { CodeEditor } from '@jupyterlab/codeeditor';
import type { IEditorTracker } from '@jupyterlab/fileeditor';
import type { INotebookTracker } from '@jupyterlab/notebook';

import { findAddresses } from './addresses';
import { addressUnder } from './hover';

/** As long a selection as is sent to be searched. */
const MOST = 2_000_000;

export class Selection {
  constructor(
    private readonly shell: JupyterFrontEnd.IShell,
    private readonly notebooks: INotebookTracker | null,
    private readonly editors: IEditorTracker | null
  ) {
    // Before JupyterLab opens the menu, which may move the focus.
    document.addEventListener(
      'contextmenu',
      event => {
        this.pointed = this.current() || (addressUnder(event.clientX, event.clientY)?.address ?? '');
      },
      true
    );
  }

  /** The text that the open context menu is about. */
  get atMenu(): string {
    return this.pointed;
  }

  /** Whether the context menu has something to look up. */
  get hasAddress(): boolean {
    return findAddresses(this.pointed.slice(0, 100_000), 1).length > 0;
  }

  /** The text selected now, on the page or in the editor in front; editors draw only what is in view. */
  current(): string {
    const editor = this.editor();
    if (editor?.hasFocus()) {
      const { start, end } = editor.getSelection();
      const from = editor.getOffsetAt(start);
      const to = editor.getOffsetAt(end);
      return editor.model.sharedModel.getSource().slice(Math.min(from, to), Math.max(from, to)).slice(0, MOST);
    }
    return (window.getSelection()?.toString() ?? '').slice(0, MOST);
  }

  private editor(): CodeEditor.IEditor | null {
    const front = this.shell.currentWidget;
    if (front && this.notebooks?.currentWidget === front) {
      return this.notebooks.activeCell?.editor ?? null;
    }
    if (front && this.editors?.currentWidget === front) {
      return this.editors.currentWidget.content.editor;
    }
    return null;
  }

  private pointed = '';
}
