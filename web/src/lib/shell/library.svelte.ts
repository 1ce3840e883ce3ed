// What the account keeps beside its chats: projects, assistants, prompts, settings. Each is loaded when first needed.
import { assistantsApi, getSettings, projectsApi, promptsApi } from '../api/library';
import type { AccountSettings, Assistant, Project, Prompt } from '../api/types';

const NO_SETTINGS: AccountSettings = { instructions: '', model: '', sampling: {} };

export class Library {
  projects = $state.raw<readonly Project[]>([]);
  assistants = $state.raw<readonly Assistant[]>([]);
  prompts = $state.raw<readonly Prompt[]>([]);
  settings = $state.raw<AccountSettings>(NO_SETTINGS);

  async reload(): Promise<void> {
    await Promise.all(['projects', 'assistants', 'prompts', 'settings'].map((what) => this.refresh(what)));
  }

  /** Loads one kind again; a name that is not known here is nothing. */
  async refresh(what: string): Promise<void> {
    if (what === 'everything') await this.reload();
    if (what === 'projects') this.projects = byName(await projectsApi.list());
    if (what === 'assistants') this.assistants = byName(await assistantsApi.list());
    if (what === 'prompts') this.prompts = byName(await promptsApi.list());
    if (what === 'settings') this.settings = await getSettings();
  }

  clear(): void {
    this.projects = [];
    this.assistants = [];
    this.prompts = [];
    this.settings = NO_SETTINGS;
  }
}

const byName = <T extends { readonly name: string }>(list: readonly T[]): readonly T[] =>
  list.toSorted((a, b) => a.name.localeCompare(b.name));
