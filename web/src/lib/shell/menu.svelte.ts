// The one menu of the page: whatever has choices hangs them here while it is open.
import type { IconName } from '../../components/common/icons';

export type MenuItem =
  | {
      readonly kind: 'action';
      readonly label: string;
      readonly icon?: IconName;
      readonly danger?: boolean;
      readonly run: () => void;
    }
  | {
      readonly kind: 'choice';
      readonly label: string;
      readonly detail?: string;
      readonly checked: boolean;
      readonly run: () => void;
    }
  | { readonly kind: 'heading'; readonly label: string }
  | { readonly kind: 'line' };

class Menu {
  anchor = $state.raw<HTMLElement | null>(null);
  items = $state.raw<readonly MenuItem[]>([]);

  /** Opens below `anchor`, or closes what hangs there already. */
  open(anchor: HTMLElement, items: readonly MenuItem[]): void {
    if (this.anchor === anchor) {
      this.close();
      return;
    }
    this.items = items;
    this.anchor = anchor;
  }

  close(): void {
    this.anchor = null;
  }
}

export const menu = new Menu();
